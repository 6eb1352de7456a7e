// SPDX-License-Identifier: GPL-2.0-or-later
//
// The simulator's errors as Python has them: SimulationError.
#pragma once

#include <new>
#include <string>

#include "core/base/state_io.h"
#include "core/base/status.h"
#include "sim/hosts/errors.h"

namespace hvlab::python {

// With the GIL.
[[noreturn]] void raise_simulation_error(const std::string& message, const std::string& field);

// The GIL is held when this returns or throws.
template <typename Call>
auto as_simulation_errors(Call&& call) {
    std::string message;
    std::string field;
    try {
        return call();
    } catch (const ConfigError& error) {
        message = error.what();
        field = error.field();
    } catch (const StateError& error) {
        message = error.what();
    } catch (const sim::PolicyError& error) {
        message = error.what();
    } catch (const sim::WorkloadError& error) {
        message = error.what();
    } catch (const std::bad_alloc&) {
        message = "there is not enough memory for this run";
        field = "memory";
    }
    raise_simulation_error(message, field);
}

}  // namespace hvlab::python
