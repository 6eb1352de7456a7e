// SPDX-License-Identifier: GPL-2.0-or-later
//
// Guests on the host's KVM (docs/design/kvm.md, docs/kvm.md). Guest time is the host's; nothing
// counts instructions.
#pragma once

#include <memory>
#include <string>

#include "core/hypervisor/hypervisor.h"

namespace hvlab {

namespace kvm {
class SystemCalls;
struct Device;
}  // namespace kvm

struct KvmOptions {
    // Where local APICs are: the models hide them, so by default there is none, and HLT comes out
    // of the guest. kSplit: in the kernel, with the 8259s and all else still here
    // (KVM_CAP_SPLIT_IRQCHIP).
    enum class Irqchip : std::uint8_t { kNone, kSplit };
    // Where the kernel notes dirty pages. kRing falls back to the bitmap where the kernel lacks it.
    // kBest is the ring, but the bitmap on the software flavour: its emulator writes many pages
    // before it looks whether the ring is full, and overruns it.
    enum class DirtyLog : std::uint8_t { kBest, kRing, kBitmap };

    std::string device = "/dev/kvm";
    Irqchip irqchip = Irqchip::kNone;
    DirtyLog dirty_log = DirtyLog::kBest;
    // A VM whose machine has gone is kept, emptied, for the next machine of this process.
    bool keep_vms = true;
    // What the kernel is called through; null: the kernel itself. Outlives backend and machines.
    kvm::SystemCalls* calls = nullptr;
};

class KvmBackend : public Backend {
public:
    static constexpr std::string_view kName = "kvm";

    // Throws BackendUnavailable where the host has no KVM that this process may use, saying what
    // is missing and who could help.
    explicit KvmBackend(const KvmOptions& options = {});
    ~KvmBackend() override;

    std::string_view name() const override { return kName; }
    Capabilities capabilities() const override;
    // Throws BackendError naming the features of the model that the host lacks.
    std::unique_ptr<Vm> create_vm(const CpuModel& model) override;

    // Gives the VMs that this process keeps (KvmOptions::keep_vms) back to the kernel.
    static void drop_kept_vms();

private:
    std::shared_ptr<const kvm::Device> device_;
};

}  // namespace hvlab
