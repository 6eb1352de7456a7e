// SPDX-License-Identifier: GPL-2.0-or-later
#include "backends/kvm/status.h"

#include "backends/kvm/device.h"
#include "core/base/status.h"

namespace hvlab::kvm {
Status status(const KvmOptions& options) {
    Status status;
    try {
        const auto device = Device::open(options);
        status.available = true;
        status.flavour = to_string(device->host.flavour);
        status.nested = device->host.nested;
        for (const UsedCapability& entry : used_capabilities()) {
            status.capabilities.push_back({.name = entry.name,
                                           .value = device->handle.extension(entry.number),
                                           .required = entry.required});
        }
    } catch (const BackendError& error) {
        status = {};
        status.reason = std::string(error.what()).substr(error.backend().size() + 2);
    }
    return status;
}

}  // namespace hvlab::kvm
