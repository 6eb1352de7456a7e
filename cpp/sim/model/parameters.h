// SPDX-License-Identifier: GPL-2.0-or-later
//
// Parameters of workloads and schedulers, described where the thing itself is written: Python makes
// its checks, the YAML schema and `hvlab explain` from these tables.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/status.h"
#include "sim/engine/time.h"
#include "sim/model/distribution.h"

namespace hvlab::sim {

struct Parameter {
    enum class Type : std::uint8_t {
        kDuration,      // Duration, nanoseconds
        kDistribution,  // Distribution of durations
        kInteger,       // std::int64_t
        kNumber,        // double
        kFlag,          // bool
        kChoice,        // std::string, one of `choices` ("a|b|c")
        kNumbers,       // std::vector<double>
    };

    std::string_view name;
    Type type;
    std::string_view meaning;  // with its unit, for users
    // As written in YAML ("3ms", "0.5", "spin"); empty: must be given. "-" : may be left out.
    std::string_view preset = {};
    double least = 0;  // of numbers, and of durations in nanoseconds
    double most = 1e18;
    std::string_view choices = {};
};

using Value =
    std::variant<std::int64_t, double, bool, std::string, Distribution, std::vector<double>>;

// Values by name, complete and of the right types (whoever makes them checks that against the
// table); optional ones may be absent.
class Values {
public:
    void set(std::string name, Value value) {
        values_.insert_or_assign(std::move(name), std::move(value));
    }
    bool has(std::string_view name) const { return values_.find(name) != values_.end(); }

    Duration duration(std::string_view name) const { return get<std::int64_t>(name); }
    std::int64_t integer(std::string_view name) const { return get<std::int64_t>(name); }
    double number(std::string_view name) const { return get<double>(name); }
    bool flag(std::string_view name) const { return get<bool>(name); }
    const std::string& choice(std::string_view name) const { return get<std::string>(name); }
    const Distribution& distribution(std::string_view name) const {
        return get<Distribution>(name);
    }
    const std::vector<double>& numbers(std::string_view name) const {
        return get<std::vector<double>>(name);
    }

private:
    template <typename T>
    const T& get(std::string_view name) const {
        const auto found = values_.find(name);
        HVLAB_ASSERT(found != values_.end() && std::holds_alternative<T>(found->second));
        return std::get<T>(found->second);
    }

    std::map<std::string, Value, std::less<>> values_;
};

}  // namespace hvlab::sim
