// SPDX-License-Identifier: GPL-2.0-or-later
#include "backends/kvm/kvm_backend.h"

#include <fmt/format.h>

#include <utility>

#include "backends/kvm/device.h"
#include "backends/kvm/flavour.h"
#include "core/base/status.h"
#include "tests/conformance/backends/backends.h"

namespace hvlab::conformance {
namespace {

// ---- Every KVM

constexpr const char* kPortStrings =
    "KVM emulates INS: it reads ahead to the end of the page, and stores what it has read at once";
constexpr const char* kOwnRate =
    "leaves 15h and 16h tell the rate at which the TSC of this host runs (no TSC scaling)";

// ---- The software flavour

constexpr const char* kNotEmulated =
    "the software flavour emulates kernel-mode code and does not know this instruction";
constexpr const char* kCauseNotEmulated =
    "the software flavour does not know the instruction that raises it in kernel mode";
constexpr const char* kLate =
    "the software flavour emulates up to a thousand instructions before it looks for an open "
    "window";
constexpr const char* kHalfStores =
    "the software flavour's emulator stores up to the page's end before the next page faults";
constexpr const char* kHostCpuid =
    "the software flavour runs CPUID in user mode on the processor itself";
constexpr const char* kUserDelivery =
    "the software flavour delivers exceptions and INT n from user mode by rules of its own";

using Names = std::vector<const char*>;

void add(std::vector<Divergence>& all, const std::string& backend, const char* reason,
         const Names& checks) {
    for (const char* check : checks) {
        all.push_back({.checks = fmt::format("{}{}", check, backend), .reason = reason});
    }
}

std::vector<Divergence> divergences(const std::string& name, kvm::Flavour flavour,
                                    bool tsc_control) {
    std::vector<Divergence> all;
    add(all, name, kPortStrings,
        {"StringFaults.LeaveTheRegistersExact/Ins*_",
         "StringFaults.AreContinuedBehindTheFault/Ins*_",
         "PortStrings.InsIntoRomIsReadAndReported/"});
    if (!tsc_control) {
        add(all, name, kOwnRate,
            {"Cpuid.IsTheModels/Leaf15_0_", "Cpuid.IsTheModels/Leaf16_0_",
             "Cpuid.IsTheModels/BeyondThe*_", "Cpuid.IsTheModels/TheLastOne_"});
    }
    if (flavour != kvm::Flavour::kSoftware) return all;

    add(all, name, kNotEmulated,
        {"DirtyBy.ExactlyThesePages/InterruptFrame_", "DirtyBy.ExactlyThesePages/X87Store_",
         "WideAccess.ScalarsHaveTheirSize/", "WideAccess.X87TenBytes/",
         "StateSeen.SseRegistersAndControl/", "StateSeen.X87StackTopAndTags/",
         "FaultingEdges.HaveNoEffect/Long_Read80_", "FaultingEdges.HaveNoEffect/Long_Write80_",
         "StateSeen.NothingOfTheX87SelectorsStays/", "TaskFlags.OfAJump/", "TaskFlags.OfAReturn/"});
    add(all, name, kCauseNotEmulated,
        {"Exceptions.AreDelivered/Breakpoint_", "Exceptions.AreDelivered/Breakpoint32_",
         "Exceptions.AreDelivered/SoftwareInterrupt_", "Exceptions.AreDelivered/IcebpIsADebugTrap_",
         "Exceptions.AreDelivered/HiddenAvx_", "Exceptions.AreDelivered/HiddenXgetbv_",
         "Exceptions.AreDelivered/DeviceNotAvailable_", "Exceptions.AreDelivered/X87Error_",
         "Exceptions.AreDelivered/GateMissing_", "Exceptions.AreDelivered/GateNotPresent_",
         "Exceptions.AreDelivered/GateBeyondTheTable_", "Exceptions.AreDelivered/Overflow32_",
         "Exceptions.AreDelivered/Bound32_"});
    add(all, name, kLate,
        {"Interrupts.OpenedByStiWaitForOneInstruction/", "Interrupts.OpenedByPopfAreTakenAtOnce/",
         "Interrupts.OpenedByIretAreTakenAtOnce/", "Interrupts.MovSsHoldsThemOffForOneInstruction/",
         "Interrupts.TheShadowOfStiEndsAtARet/", "Interrupts.AnExceptionEndsTheShadow/",
         "Interrupts.ASetShadowHoldsThemOff/", "Interrupts.TheNextIsTakenBehindTheFirst/",
         "Nmi.IsNotTakenBehindALoadOfSs/", "Nmi.BlocksTheNextUntilIret/",
         "Nmi.SeveralWhileBlockedAreOne/"});
    add(all, name, kHalfStores,
        {"DirtyLog.AFaultingStoreIsNotInIt/",
         "EdgeDetails.AReadOnlySecondPageKeepsTheFirstUnwritten/",
         "FaultingEdges.HaveNoEffect/Long_Write16_", "FaultingEdges.HaveNoEffect/Long_Write32_",
         "FaultingEdges.HaveNoEffect/Long_Write64_", "FaultingEdges.HaveNoEffect/Long_Write128_",
         "StringFaults.LeaveTheRegistersExact/Movs16_",
         "StringFaults.LeaveTheRegistersExact/Movs32_",
         "StringFaults.LeaveTheRegistersExact/Movs64_",
         "StringFaults.LeaveTheRegistersExact/Stos16_",
         "StringFaults.LeaveTheRegistersExact/Stos32_",
         "StringFaults.LeaveTheRegistersExact/Stos64_"});
    add(all, name, kHostCpuid, {"CpuidInUserMode.IsTheModels/"});
    add(all, name, "the software flavour shows the processor's features in kernel mode, too",
        {"Cpuid.IsTheModels/Leaf1_0_", "Cpuid.IsTheModels/Leaf7_0_"});
    add(all, name, kUserDelivery,
        {"Exceptions.AreDelivered/GateOfHigherPrivilege_",
         "Delivery.AMissingTaskStateIsTheGuestsFault/"});
    add(all, name, "SYSENTER in 64-bit user mode is the processor's own: AMD's have none there",
        {"Delivery.SysenterEntersTheKernel/"});
    add(all, name, "the software flavour enters LSTAR still in user mode",
        {"Delivery.SyscallAndSysretGoThereAndBack/"});
    add(all, name, "the software flavour does not set CR2 for a fault in delivery",
        {"Delivery.AnUnmappedStackIsADoubleFaultOnAnotherOne/"});
    add(all, name, "the software flavour's emulator takes the low half of what is moved there",
        {"Exceptions.AreDelivered/ReservedBitOfCr0_", "Exceptions.AreDelivered/ReservedBitOfCr4_"});
    add(all, name, "the software flavour's emulator reads real mode's table without its limit",
        {"Exits.TripleFaultInRealMode/"});
    add(all, name, "the software flavour gives debug traps of user mode to the guest",
        {"DebuggedModes.ASingleStepIsOneInstruction/User64_",
         "DebuggedModes.ABreakpointStopsBeforeItsInstruction/User64_"});
    add(all, name, "the software flavour's emulator looks at the guest's breakpoints as well",
        {"Debugged.WhileThereAreBreakpointsTheGuestsOwnHaveNoEffect/"});
    return all;
}

TestedBackend backend(const std::string& name, const KvmOptions& options) {
    const kvm::Flavour flavour = kvm::host_kvm().flavour;
    bool tsc_control = false;
    try {
        tsc_control = kvm::Device::open(options)->tsc_control;
    } catch (const BackendUnavailable&) {
        tsc_control = false;  // every check is skipped
    }
    std::map<Feature, std::string> lacks = {
        {Feature::kTranslationCache, "it translates nothing"},
        {Feature::kHandlerTime, "RDTSC reads the processor's own counter, without an exit"},
        {Feature::kHandlerRandom, "RDRAND and RDSEED are the processor's own, without an exit"},
    };
    if (flavour == kvm::Flavour::kSoftware) {
        lacks[Feature::kLegacyPaging] = "the software flavour shuts such a guest down";
    }
    return {.name = name,
            .create = [options] { return std::make_unique<KvmBackend>(options); },
            .lacks = std::move(lacks),
            .diverges = divergences(name, flavour, tsc_control)};
}

}  // namespace

TestedBackend kvm_backend() {
    return backend(std::string(KvmBackend::kName), {});
}

TestedBackend kvm_with_ring() {
    TestedBackend ring = backend("kvm_ring", {.dirty_log = KvmOptions::DirtyLog::kRing});
    if (kvm::host_kvm().flavour == kvm::Flavour::kSoftware) {
        add(ring.diverges, ring.name,
            "each store that the software flavour emulates takes an entry, and it overruns the "
            "ring",
            {"DirtyBy.ExactlyThesePages/StringStore_"});
    }
    return ring;
}

TestedBackend kvm_with_bitmap() {
    return backend("kvm_bitmap", {.dirty_log = KvmOptions::DirtyLog::kBitmap});
}

TestedBackend kvm_with_other_log() {
    return kvm::host_kvm().flavour == kvm::Flavour::kSoftware ? kvm_with_ring() : kvm_with_bitmap();
}

}  // namespace hvlab::conformance
