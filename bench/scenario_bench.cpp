// SPDX-License-Identifier: GPL-2.0-or-later
//
// What it costs to parse, or to refuse, each file that was made to hurt. bench/scenario_bench.py
// holds the figures against their limit.
#include <benchmark/benchmark.h>

#include "core/scenario/document.h"
#include "core/scenario/hostile_files.h"

namespace hvlab {
namespace {

void parse(benchmark::State& state, const std::string& text) {
    for (auto _ : state) {
        try {
            benchmark::DoNotOptimize(parse_document(text, "hostile"));
        } catch (const ScenarioSyntaxError& error) {  // the other way in which it may end
            benchmark::DoNotOptimize(error.line());
        }
    }
}

const int registered = [] {
    for (HostileFile& file : hostile_files()) {
        benchmark::RegisterBenchmark(file.name, [text = std::move(file.text)](auto& state) {
            parse(state, text);
        })->Unit(benchmark::kMillisecond);
    }
    return 0;
}();

}  // namespace
}  // namespace hvlab
