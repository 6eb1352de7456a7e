// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/conformance/support/suite.h"

#include "core/base/status.h"

namespace hvlab::conformance {
namespace {

std::string current_check() {
    const testing::TestInfo& info = *testing::UnitTest::GetInstance()->current_test_info();
    return std::string(info.test_suite_name()) + "." + info.name();
}

const testing::TestPartResult* find(const testing::TestPartResultArray& results,
                                    bool (testing::TestPartResult::*wanted)() const) {
    for (int i = 0; i < results.size(); ++i) {
        if ((results.GetTestPartResult(i).*wanted)()) return &results.GetTestPartResult(i);
    }
    return nullptr;
}

}  // namespace

void OnBackend::begin() {
    try {
        backend_.create();
    } catch (const BackendUnavailable& error) {
        GTEST_SKIP() << error.what();
    }
    divergence_ = backend_.divergence(current_check());
    if (divergence_ != nullptr) {
        reporter_.emplace(testing::ScopedFakeTestPartResultReporter::INTERCEPT_ALL_THREADS,
                          &held_back_);
    }
}

void OnBackend::end() {
    if (divergence_ == nullptr) return;
    reporter_.reset();
    if (find(held_back_, &testing::TestPartResult::failed) != nullptr) {
        GTEST_SKIP() << "known divergence: " << divergence_->reason;
    } else if (const auto* skip = find(held_back_, &testing::TestPartResult::skipped)) {
        GTEST_SKIP() << skip->message();
    } else {
        ADD_FAILURE() << "passes now: take it out of the backend's divergences and of "
                         "docs/conformance.md ("
                      << divergence_->checks << ")";
    }
}

}  // namespace hvlab::conformance
