// SPDX-License-Identifier: GPL-2.0-or-later
//
// What can be said of the host's KVM without making a machine.
#pragma once

#include <string>
#include <vector>

#include "backends/kvm/kvm_backend.h"

namespace hvlab::kvm {

struct NamedCapability {
    std::string name;  // as the kernel's manual has it
    int value = 0;  // of KVM_CHECK_EXTENSION: 0 is absent, what else it means depends on the name
    bool required = false;
};

struct Status {
    bool available = false;
    std::string reason;   // why it is not available, and who can help; else empty
    std::string flavour;  // "VT-x", "SVM" or "software"; empty where it is not available
    bool nested = false;  // this host is a guest itself
    std::vector<NamedCapability> capabilities;  // those that hvlab uses
};

// Opens the device and closes it again. Throws nothing: what goes wrong is the reason.
Status status(const KvmOptions& options = {});

}  // namespace hvlab::kvm
