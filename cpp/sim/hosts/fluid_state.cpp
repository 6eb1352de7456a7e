// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <type_traits>

#include "sim/hosts/fluid_host.h"
#include "sim/hosts/ledger_state.h"
#include "sim/hosts/pods.h"

namespace hvlab::sim {
namespace {

constexpr std::uint32_t kVersion = 2;
constexpr double kForEver = 9e18;

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

// A file may be made by anybody: whatever is followed or counted with must be as a run leaves it.
void FluidHost::check_loaded() {
    check_times();
    check_active();
    if (!started_) require_untouched(states_);
    for (std::size_t vm = 0; vm < vms_.size(); ++vm) {
        check_vm(vm);
        require_state(vms_[vm].workload->has_vm_timer() ||
                      agenda_.time(kFirstVm + static_cast<Agenda::Slot>(vm)) == kNever);
        if (!started_) continue;
        enter(vm);
        vms_[vm].workload->check(*this);
    }
    for (const VmLedger& told : sampled_) {
        check_difference(told, LedgerBounds(now_, static_cast<std::int64_t>(doing_.size())));
    }
}

void FluidHost::check_times() const {
    const auto require = [](bool right) {
        if (!right) throw StateError("fluid-host: its times are not consistent");
    };
    const bool warm = now_ >= options_.warmup;
    require(now_ >= 0 && next_ >= now_);
    require(accounts_from_ == (warm ? options_.warmup : 0));
    require(agenda_.time(kWarmup) == (warm ? kNever : options_.warmup));
    if (options_.resolution > 0) {
        require(samples_ == now_ / options_.resolution);
        require(agenda_.time(kSample) == (samples_ + 1) * options_.resolution);
    } else {
        require(agenda_.time(kSample) == kNever);
    }
    require(agenda_.next() >= now_);
    Time first = kNever;
    for (const Time at : completes_) first = std::min(first, at);
    require(first_completes_ == first && first >= now_);
    require(started_ || (now_ == 0 && active_.empty()));
    require(next_ == (started_ ? std::min(first, agenda_.next()) : 0));
}

void FluidHost::check_active() const {
    for (std::size_t i = 0; i < active_.size(); ++i) {
        if (active_[i] >= vms_.size() || live_[active_[i]].active != i) {
            throw StateError("fluid-host: the list of active VMs is not consistent");
        }
    }
    std::int64_t wanting = 0;
    for (const Live& live : live_) wanting += live.wanting;
    if (wanting != wanting_) throw StateError("fluid-host: the number of wanting vCPUs is wrong");
}

void FluidHost::check_vm(std::size_t vm) const {
    const auto require = [](bool right) {
        if (!right) throw StateError("fluid-host: a VM's state is not consistent");
    };
    const Vm& is = vms_[vm];
    const Live& live = live_[vm];
    int wanting = 0;
    int computing = 0;
    for (std::size_t i = is.first_vcpu; i < is.first_vcpu + static_cast<std::size_t>(is.vcpus);
         ++i) {
        require(doing_[i] <= Doing::kSpinning);
        wanting += doing_[i] != Doing::kNothing ? 1 : 0;
        computing += doing_[i] == Doing::kComputing ? 1 : 0;
        require(finish_[i] >= 0 && finish_[i] <= kForEver);
    }
    const bool active = live.active < active_.size() && active_[live.active] == vm;
    require(live.dirty == 0 && live.wanting == wanting && live.computing == computing);
    require((wanting > 0) == active && (active || live.active == kNotActive));

    // Sums of doubles are rounded.
    const LedgerBounds bounds(now_, is.vcpus);
    const double most = static_cast<double>(bounds.time) * (1 + 1e-6) + 1e3;
    require(live.rate >= 0 && live.rate <= is.vcpus * 1.001 && live.pace >= 0 &&
            live.pace <= 1.001);
    require(live.served >= 0 && live.served <= most);
    require(live.since >= 0 && live.since <= now_);
    require(live.wanted >= 0 && live.wanted <= bounds.time);
    for (const double time : {live.run, live.lost, live.spun, live.throttled}) {
        require(time >= -1e3 && time <= most);
    }
    live.requests.check(now_);
    check_ledger(live.account, bounds);
}

}  // namespace hvlab::sim
