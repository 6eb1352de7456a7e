// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/probe/probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "backends/kvm/kvm_backend.h"
#include "backends/unicorn/unicorn_backend.h"
#include "core/base/status.h"

namespace hvlab {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using Clock = std::chrono::steady_clock;

// Bounds of what any host does: a figure that is out of them was not measured.
void expect_sane(const ProbeFigures& figures) {
    const auto within = [](const Figure& figure, double least, double most) {
        ASSERT_TRUE(figure.value) << figure.reason;
        EXPECT_EQ(figure.reason, "");
        EXPECT_GT(*figure.value, least);
        EXPECT_LT(*figure.value, most);
    };
    within(figures.user_rate, 1e5, 1e11);
    within(figures.kernel_rate, 1e4, 1e11);
    within(figures.port_exit, 1e-9, 1e-2);
    within(figures.memory_exit, 1e-9, 1e-2);
    within(figures.halt_exit, 1e-9, 1e-2);
    within(figures.create, 1e-6, 5);
    within(figures.destroy, 1e-7, 5);
    within(figures.first_touch, 1e-9, 1e-2);
}

TEST(Probe, Unicorn) {
    UnicornBackend backend;
    expect_sane(probe(backend, 400ms));
}

TEST(Probe, Kvm) {
    std::unique_ptr<KvmBackend> backend;
    try {
        backend = std::make_unique<KvmBackend>();
    } catch (const BackendUnavailable& missing) {
        GTEST_SKIP() << missing.what();
    }
    expect_sane(probe(*backend, 400ms));
}

TEST(Probe, TakesAboutTheTimeItIsGiven) {
    UnicornBackend backend;
    const auto begin = Clock::now();
    probe(backend, 200ms);
    EXPECT_LT(Clock::now() - begin, 10s);  // with a lot of room for a busy host
}

// A backend that makes guests which do one thing only.
class BrokenVcpu : public Vcpu {
public:
    explicit BrokenVcpu(Exit exit) : exit_(std::move(exit)) {}
    Exit run(Budget) override { return exit_; }
    void kick() override {}
    void request_stop() override {}
    CpuState state() const override { return {}; }
    void set_state(const CpuState&) override {}
    void set_interrupt_line(bool) override {}
    void raise_nmi() override {}
    bool interrupt_window() const override { return false; }

protected:
    void* find_capability(std::string_view) override { return nullptr; }

private:
    Exit exit_;
};

class BrokenVm : public Vm {
public:
    explicit BrokenVm(Exit exit) : exit_(std::move(exit)) {}
    void map_memory(GuestAddress, std::span<std::byte>, bool) override {}
    void unmap_memory(GuestAddress, std::uint64_t) override {}
    void set_dirty_logging(bool) override {}
    void fetch_and_clear_dirty(PageBitmap&) override {}
    void host_wrote(GuestAddress, std::uint64_t) override {}
    std::unique_ptr<Vcpu> create_vcpu(unsigned, VcpuHandler&) override {
        return std::make_unique<BrokenVcpu>(exit_);
    }

private:
    Exit exit_;
};

class BrokenBackend : public Backend {
public:
    explicit BrokenBackend(std::optional<Exit> exit) : exit_(std::move(exit)) {}
    std::string_view name() const override { return "broken"; }
    Capabilities capabilities() const override { return {}; }
    std::unique_ptr<Vm> create_vm(const CpuModel&) override {
        if (!exit_) throw BackendError("broken", "create a VM", 12);
        return std::make_unique<BrokenVm>(*exit_);
    }

private:
    std::optional<Exit> exit_;
};

void expect_absent(const ProbeFigures& figures, const std::string& reason) {
    for (const Figure* figure :
         {&figures.user_rate, &figures.kernel_rate, &figures.port_exit, &figures.memory_exit,
          &figures.halt_exit, &figures.create, &figures.destroy, &figures.first_touch}) {
        EXPECT_FALSE(figure->value);
        EXPECT_THAT(figure->reason, HasSubstr(reason));
    }
}

TEST(Probe, AGuestThatFailsHasAReasonAndNoFigure) {
    BrokenBackend backend(Exit{.kind = ExitKind::kInternal, .detail = "cannot emulate"});
    expect_absent(probe(backend), "cannot emulate");
    BrokenBackend fault(Exit{.kind = ExitKind::kTripleFault});
    expect_absent(probe(fault), "triple fault");
    BrokenBackend runaway(Exit{.kind = ExitKind::kBudget});
    expect_absent(probe(runaway), "in time");
}

TEST(Probe, ABackendThatMakesNoGuestHasAReasonAndNoFigure) {
    BrokenBackend backend(std::nullopt);
    expect_absent(probe(backend), "create a VM");
}

}  // namespace
}  // namespace hvlab
