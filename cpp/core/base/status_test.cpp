// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/base/status.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace hvlab {
namespace {

TEST(Status, HostErrorSaysOperationAndErrno) {
    const HostError error("open /no/such", ENOENT);
    EXPECT_STREQ(error.what(), "open /no/such: No such file or directory");
    EXPECT_EQ(error.operation(), "open /no/such");
    EXPECT_EQ(error.reason(), "No such file or directory");
    EXPECT_EQ(error.error_number(), ENOENT);
}

TEST(Status, HostErrorWithDetail) {
    EXPECT_STREQ(HostError("read x", EFBIG, "larger than 5 bytes").what(),
                 "read x: larger than 5 bytes (File too large)");
    EXPECT_EQ(HostError("read x", EFBIG, "larger than 5 bytes").reason(),
              "larger than 5 bytes (File too large)");
    EXPECT_STREQ(HostError("read x", 0, "no luck").what(), "read x: no luck");
    EXPECT_STREQ(HostError("read x", 0).what(), "read x: failed");
}

TEST(Status, BackendErrorNamesTheBackend) {
    const BackendUnavailable error("kvm", "open /dev/kvm", EACCES);
    EXPECT_STREQ(error.what(), "kvm: open /dev/kvm: Permission denied");
    EXPECT_EQ(error.backend(), "kvm");
    EXPECT_EQ(error.operation(), "open /dev/kvm");
    EXPECT_EQ(error.error_number(), EACCES);
}

TEST(Status, BootConfigAndDeviceErrorsNameTheirField) {
    const BootError boot("vmlinuz", "initrd", "does not fit");
    EXPECT_STREQ(boot.what(), "vmlinuz: initrd: does not fit");
    EXPECT_EQ(boot.path(), "vmlinuz");
    EXPECT_EQ(boot.field(), "initrd");
    const ConfigError config("memory", "must not be 0");
    EXPECT_STREQ(config.what(), "memory: must not be 0");
    EXPECT_EQ(config.field(), "memory");
    EXPECT_STREQ(DeviceError("uart0", 0x3F, "no such register").what(),
                 "uart0: register 0x3f: no such register");
    const DeviceError device("uart0", -1, "closed");
    EXPECT_STREQ(device.what(), "uart0: closed");
    EXPECT_EQ(device.device(), "uart0");
    EXPECT_EQ(device.offset(), -1);
}

TEST(StatusDeathTest, AssertionSaysWhatAndWhere) {
    EXPECT_DEATH(HVLAB_ASSERT(1 + 1 == 3), "assertion failed: 1 \\+ 1 == 3 .*status_test.cpp:");
    HVLAB_ASSERT(true);
}

}  // namespace
}  // namespace hvlab
