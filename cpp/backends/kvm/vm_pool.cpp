// SPDX-License-Identifier: GPL-2.0-or-later
#include "backends/kvm/vm_pool.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

namespace hvlab::kvm {

const std::shared_ptr<VmPool>& VmPool::process() {
    // Never destroyed: machines may outlive whatever ends a process.
    static const auto& pool = *new std::shared_ptr<VmPool>(std::make_shared<VmPool>());
    return pool;
}

std::vector<VmPool::Kept> VmPool::left_behind() {
    std::vector<Kept> gone;
    if (owner_ != ::getpid()) gone.swap(kept_);
    owner_ = ::getpid();
    return gone;
}

// Nobody waits for the lock: a thread may have held it when another one forked, and a VM that is
// made anew is no harm. What is destroyed (that takes long) is so after the lock has been given
// back.
std::optional<KernelVm> VmPool::take(const std::string& kind) {
    std::vector<Kept> gone;
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock) return std::nullopt;
    gone = left_behind();
    const auto found = std::find_if(kept_.rbegin(), kept_.rend(),
                                    [&](const Kept& each) { return each.kind == kind; });
    if (found == kept_.rend()) return std::nullopt;
    std::optional<KernelVm> vm(std::move(found->vm));
    kept_.erase(std::next(found).base());
    return vm;
}

void VmPool::keep(const std::string& kind, KernelVm vm) {
    std::vector<Kept> gone;
    Kept kept{.kind = kind, .vm = std::move(vm)};
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock) return;
    gone = left_behind();
    kept_.push_back(std::move(kept));
    if (kept_.size() > kCapacity) {
        gone.push_back(std::move(kept_.front()));
        kept_.erase(kept_.begin());
    }
}

void VmPool::clear() {
    std::vector<Kept> gone;
    const std::lock_guard lock(mutex_);
    gone.swap(kept_);
}

}  // namespace hvlab::kvm
