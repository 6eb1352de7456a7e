// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/machine/pattern_tail.h"

#include <cctype>
#include <optional>
#include <string>
#include <vector>

namespace hvlab {

namespace {

// What matters of a part of an expression: can its end grow, and is it a plain literal.
struct Part {
    bool open = false;
    std::optional<std::string> literal;
};

// Walks an expression that RE2 has accepted; understands just enough to find what stands at its
// end.
class TailParser {
public:
    explicit TailParser(std::string_view expression) : rest_(expression) {}

    Part alternation() {
        std::vector<Part> branches{branch()};
        while (take('|')) branches.push_back(branch());
        if (branches.size() == 1) return branches[0];
        return {.open = may_grow(branches), .literal = std::nullopt};
    }

private:
    // The first alternative that matches wins, so a match grows only if a *preferred* alternative
    // is still possible: one that stands earlier and begins with the one that matched.
    static bool may_grow(const std::vector<Part>& branches) {
        for (std::size_t later = 0; later < branches.size(); ++later) {
            if (branches[later].open || !branches[later].literal) return true;
            for (std::size_t earlier = 0; earlier < later; ++earlier) {
                if (branches[earlier].literal->starts_with(*branches[later].literal)) return true;
            }
        }
        return false;
    }

    Part branch() {
        Part result{.open = true,
                    .literal = std::string()};  // an empty branch can be followed by anything
        while (!rest_.empty() && rest_.front() != '|' && rest_.front() != ')') {
            Part atom = parse_atom();
            const bool quantified = quantify(atom);
            result.open = atom.open;
            if (quantified || !atom.literal || !result.literal) {
                result.literal.reset();
            } else {
                *result.literal += *atom.literal;
            }
        }
        return result;
    }

    Part parse_atom() {
        switch (const char c = next()) {
            case '(':
                return group();
            case '[':
                skip_class();
                return {};
            case '\\':
                return escape();
            case '.':
            case '^':
            case '$':
                return {};
            default:
                return {.open = false, .literal = std::string(1, c)};
        }
    }

    Part group() {
        if (take('?')) {
            // (?P<name>  (?<name>  (?:  (?flags:  and (?flags), which has no body.
            while (!rest_.empty()) {
                const char c = next();
                if (c == ':' || c == '>') break;
                if (c == ')') return {.open = false, .literal = std::string()};
            }
        }
        Part body = alternation();
        take(')');
        return body;
    }

    Part escape() {
        const char c = next();
        if (c == 'b' || c == 'B') return {.open = true, .literal = std::nullopt};
        if (c == 'x' || c == 'p' || c == 'P') {
            if (take('{')) {
                skip_past('}');
            } else {
                next();
                if (c == 'x') next();
            }
            return {};
        }
        if (c == 'Q') {
            const std::size_t end = rest_.find("\\E");
            rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 2);
            return {};
        }
        if (std::isalnum(static_cast<unsigned char>(c)) != 0) return {};
        return {.open = false, .literal = std::string(1, c)};
    }

    // Applies the quantifiers that follow; true if there was one.
    bool quantify(Part& atom) {
        bool any = false;
        while (!rest_.empty()) {
            const char c = rest_.front();
            if (c == '*' || c == '+' || c == '?') {
                next();
                atom.open = true;
            } else if (c == '{' && is_repetition()) {
                const std::string_view counts = rest_.substr(0, rest_.find('}'));
                if (counts.find(',') != std::string_view::npos) atom.open = true;
                skip_past('}');
            } else {
                return any;
            }
            any = true;
            if (take('?')) atom.open = false;  // lazy: the shortest match is the match
        }
        return any;
    }

    // RE2 takes a brace that no number follows for itself.
    bool is_repetition() const {
        return rest_.size() > 1 && std::isdigit(static_cast<unsigned char>(rest_[1])) != 0 &&
               rest_.find('}') != std::string_view::npos;
    }

    void skip_class() {
        take('^');
        bool first = true;
        while (!rest_.empty()) {
            const char c = next();
            if (c == ']' && !first) return;
            if (c == '\\') next();
            if (c == '[' && take(':')) skip_past(']');
            first = false;
        }
    }

    void skip_past(char wanted) {
        while (!rest_.empty() && next() != wanted) {
        }
    }

    char next() {
        if (rest_.empty()) return '\0';
        const char c = rest_.front();
        rest_.remove_prefix(1);
        return c;
    }

    bool take(char wanted) {
        if (rest_.empty() || rest_.front() != wanted) return false;
        rest_.remove_prefix(1);
        return true;
    }

    std::string_view rest_;
};

}  // namespace

bool is_open_ended(std::string_view expression) {
    return TailParser(expression).alternation().open;
}

}  // namespace hvlab
