// SPDX-License-Identifier: GPL-2.0-or-later
//
// A host without a usable KVM: BackendUnavailable says what is missing, and the suite skips.
#include "backends/kvm/device.h"

#include <gmock/gmock.h>

#include <cerrno>

#include "backends/kvm/kvm_backend.h"
#include "core/base/status.h"

namespace hvlab {
namespace {

using testing::HasSubstr;

std::string refusal(const KvmOptions& options) {
    try {
        const KvmBackend backend(options);
    } catch (const BackendUnavailable& error) {
        EXPECT_EQ(error.backend(), "kvm");
        return error.what();
    }
    return "it is available";
}

class FailingOpen final : public kvm::SystemCalls {
public:
    explicit FailingOpen(int error) : error_(error) {}
    int open(const char*, int) override {
        errno = error_;
        return -1;
    }

private:
    int error_;
};

TEST(KvmDevice, ThatDoesNotExist) {
    const std::string text = refusal({.device = "/nonexistent/kvm"});
    EXPECT_THAT(text, HasSubstr("open /nonexistent/kvm"));
    EXPECT_THAT(text, HasSubstr("the host has no KVM"));
}

TEST(KvmDevice, ThatIsNoKvm) {
    EXPECT_THAT(refusal({.device = "/dev/null"}), HasSubstr("it is not KVM"));
}

TEST(KvmDevice, ThatThisUserMayNotOpen) {
    for (const int error : {EACCES, EPERM}) {
        FailingOpen calls(error);
        EXPECT_THAT(refusal({.calls = &calls}), HasSubstr("join the group"));
    }
}

TEST(KvmDevice, ThatNoModuleAnswers) {
    for (const int error : {ENODEV, ENXIO}) {
        FailingOpen calls(error);
        EXPECT_THAT(refusal({.calls = &calls}), HasSubstr("no KVM module answers"));
    }
}

}  // namespace
}  // namespace hvlab
