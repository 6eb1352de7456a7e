// SPDX-License-Identifier: GPL-2.0-or-later
//
// The backend that is always there: Unicorn's x86 core, embedded (docs/design/engine.md). Guest
// time is the retired instruction count; nothing that a guest sees depends on the host.
#pragma once

#include "core/hypervisor/hypervisor.h"

namespace hvlab {

class UnicornBackend : public Backend {
public:
    static constexpr std::string_view kName = "unicorn";

    std::string_view name() const override { return kName; }
    Capabilities capabilities() const override;
    // Throws BackendError naming the features of the model that translated code cannot honour.
    std::unique_ptr<Vm> create_vm(const CpuModel& model) override;
};

}  // namespace hvlab
