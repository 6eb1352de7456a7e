// SPDX-License-Identifier: GPL-2.0-or-later
#include <type_traits>

#include "sim/hosts/fluid_host.h"
#include "sim/hosts/pods.h"

namespace hvlab::sim {
namespace {

constexpr std::uint32_t kVersion = 2;

}  // namespace

void FluidHost::save(StateWriter& writer) const {
    static_assert(std::is_trivially_copyable_v<Live> && std::is_trivially_copyable_v<VmLedger>);
    HVLAB_ASSERT(starving_.empty() && dirty_.empty());
    writer.begin("fluid-host", kVersion);
    writer.put(started_);
    for (const Time time : {now_, next_, first_completes_, accounts_from_}) writer.put(time);
    writer.put(events_);
    writer.put(wanting_);
    writer.put(uniform_rate_);
    writer.put(uniform_speed_);
    writer.put(samples_);
    put_pods(writer, live_);
    put_pods(writer, doing_);
    put_pods(writer, finish_);
    put_pods(writer, states_);
    put_pods(writer, active_);
    put_pods(writer, completes_);
    put_pods(writer, sampled_);
    for (Agenda::Slot slot = 0; slot < agenda_.slots(); ++slot) writer.put(agenda_.time(slot));
    response_times_.save(writer);
}

// Throws StateError; the host can't be used then.
void FluidHost::load(StateReader& reader) {
    reader.begin("fluid-host", kVersion);
    started_ = reader.get_bool();
    for (Time* time : {&now_, &next_, &first_completes_, &accounts_from_})
        *time = reader.get<Time>();
    events_ = reader.get<std::uint64_t>();
    wanting_ = reader.get<std::int64_t>();
    uniform_rate_ = reader.get<double>();
    uniform_speed_ = reader.get<double>();
    samples_ = reader.get<std::int64_t>();
    get_pods(reader, live_, live_.size());
    get_pods(reader, doing_, doing_.size());
    get_pods(reader, finish_, finish_.size());
    get_pods(reader, states_, states_.size());
    get_pods(reader, active_, 0, vms_.size());
    get_pods(reader, completes_, active_.size());
    get_pods(reader, sampled_, sampled_.size());
    for (Agenda::Slot slot = 0; slot < agenda_.slots(); ++slot) {
        agenda_.set(slot, reader.get<Time>());
    }
    response_times_.load(reader);
    check_loaded();
}

// A file may be made by anybody: what is used as an index must be one.
void FluidHost::check_loaded() const {
    for (std::size_t i = 0; i < active_.size(); ++i) {
        if (active_[i] >= vms_.size() || live_[active_[i]].active != i) {
            throw StateError("fluid-host: the list of active VMs is not consistent");
        }
    }
    std::int64_t wanting = 0;
    for (std::size_t vm = 0; vm < vms_.size(); ++vm) {
        const Live& live = live_[vm];
        const bool active = live.active < active_.size() && active_[live.active] == vm;
        if (live.dirty || live.wanting < 0 || live.wanting > vms_[vm].vcpus ||
            (live.wanting > 0) != active || (!active && live.active != kNotActive)) {
            throw StateError("fluid-host: a VM's state is not consistent");
        }
        wanting += live.wanting;
    }
    if (wanting != wanting_) throw StateError("fluid-host: the number of wanting vCPUs is wrong");
}

}  // namespace hvlab::sim
