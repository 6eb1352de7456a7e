// SPDX-License-Identifier: GPL-2.0-or-later
//
// What every check is made of: a fixture that is instantiated for each backend, and for each row of
// a table where there is one.
#pragma once

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <tuple>

#include "tests/conformance/support/guest.h"
#include "tests/conformance/support/tested_backend.h"

namespace hvlab::conformance {

// Skips the check, with the reason, where the backend under test lacks the feature. Also leaves a
// SetUp() whose base has skipped the check already.
#define NEEDS(feature)                                                        \
    do {                                                                      \
        if (testing::Test::IsSkipped()) return;                               \
        if (const auto lack = backend().lack(feature)) GTEST_SKIP() << *lack; \
    } while (false)

// The part of a fixture that knows its backend: skips the check where the host does not offer it,
// and holds failures back where they are known (TestedBackend::diverges).
class OnBackend {
protected:
    explicit OnBackend(const TestedBackend& backend) : backend_(backend) {}

    const TestedBackend& backend() const { return backend_; }

    void begin();
    void end();

private:
    const TestedBackend& backend_;
    const Divergence* divergence_ = nullptr;
    testing::TestPartResultArray held_back_;
    std::optional<testing::ScopedFakeTestPartResultReporter> reporter_;
};

// A check on each backend.
class BackendTest : public testing::TestWithParam<TestedBackend>, protected OnBackend {
protected:
    BackendTest() : OnBackend(GetParam()) {}
    void SetUp() override { begin(); }
    void TearDown() override { end(); }
};

// A check on each backend for each row of a table; a row has a `name`.
template <typename Row>
class TableTest : public testing::TestWithParam<std::tuple<TestedBackend, Row>>,
                  protected OnBackend {
    using Base = testing::TestWithParam<std::tuple<TestedBackend, Row>>;

protected:
    TableTest() : OnBackend(std::get<0>(Base::GetParam())) {}
    void SetUp() override { begin(); }
    void TearDown() override { end(); }
    static const Row& row() { return std::get<1>(Base::GetParam()); }
};

// A check with one guest.
class GuestTest : public BackendTest {
protected:
    void SetUp() override {
        BackendTest::SetUp();
        if (!IsSkipped()) guest_.emplace(backend());
    }
    Guest& guest() { return *guest_; }

private:
    std::optional<Guest> guest_;
};

template <typename Row>
std::string row_name(const Row& row) {
    if constexpr (requires { row.name; }) {
        return std::string(row.name);
    } else {
        return std::string(to_string(row));
    }
}

#define HVLAB_ON(Suite, backends)                                                           \
    INSTANTIATE_TEST_SUITE_P(, Suite, testing::ValuesIn(backends),                          \
                             [](const testing::TestParamInfo<Suite::ParamType>& instance) { \
                                 return instance.param.name;                                \
                             })
#define HVLAB_ON_FOR(Suite, backends, rows)                                              \
    INSTANTIATE_TEST_SUITE_P(                                                            \
        , Suite, testing::Combine(testing::ValuesIn(backends), testing::ValuesIn(rows)), \
        [](const testing::TestParamInfo<Suite::ParamType>& instance) {                   \
            return ::hvlab::conformance::row_name(std::get<1>(instance.param)) + "_" +   \
                   std::get<0>(instance.param).name;                                     \
        })

#define ON_EVERY_BACKEND(Suite) HVLAB_ON(Suite, ::hvlab::conformance::tested_backends())
#define ON_EVERY_BACKEND_FOR(Suite, rows) \
    HVLAB_ON_FOR(Suite, ::hvlab::conformance::tested_backends(), rows)
#define ON_EVERY_VARIANT(Suite) HVLAB_ON(Suite, ::hvlab::conformance::tested_variants())
#define ON_EVERY_VARIANT_FOR(Suite, rows) \
    HVLAB_ON_FOR(Suite, ::hvlab::conformance::tested_variants(), rows)

}  // namespace hvlab::conformance
