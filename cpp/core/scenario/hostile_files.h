// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

namespace hvlab {

// A file made to hurt. parse_document promises that each ends in a tree or in a typed error within
// 64 MiB (hostile_test.cpp) and 100 ms (bench/scenario_bench.cpp).
struct HostileFile {
    const char* name;
    std::string text;
    const char* message;  // part of the error's; null where the text is good YAML and just costly
};

std::vector<HostileFile> hostile_files();

}  // namespace hvlab
