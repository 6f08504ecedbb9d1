// Reads one JSON document strictly (RFC 8259, UTF-8, no doubled keys) into a small tree.
// Meant for headers of safetensors files and rows of metrics: depth is bounded, numbers keep their text.
#include "runtime/json_reader.h"

#include "runtime/number_format.h"
#include "runtime/utf8.h"

#include <algorithm>
#include <limits>

namespace kiln::runtime {
namespace {

// Bounds recursion; a safetensors header needs 4.
constexpr int max_depth = 32;

class Parser {
public:
  Parser(std::string_view text, std::string& problem) : text_(text), problem_(problem) {}

  bool parse_document(JsonValue& value) {
    skip_space();
    if (!parse_value(value, 0)) return false;
    skip_space();
    return at_ == text_.size() || fail("text after the end of the document");
  }

private:
  bool fail(const char* what) {
    problem_ = what;
    problem_ += " at byte ";
    append_integer(problem_, static_cast<int64_t>(at_));
    return false;
  }

  bool done() const { return at_ == text_.size(); }
  char peek() const { return done() ? '\0' : text_[at_]; }

  bool take(char wanted) {
    if (done() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }

  void skip_space() {
    while (!done() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) ++at_;
  }

  bool parse_value(JsonValue& value, int depth) {
    if (depth > max_depth) return fail("too deeply nested");
    switch (peek()) {
    case '{':
      return parse_object(value, depth);
    case '[':
      return parse_array(value, depth);
    case '"':
      value.kind = JsonValue::Kind::String;
      return parse_string(value.text);
    case 't':
      value.kind = JsonValue::Kind::Boolean;
      value.boolean = true;
      return parse_word("true");
    case 'f':
      value.kind = JsonValue::Kind::Boolean;
      return parse_word("false");
    case 'n':
      return parse_word("null");
    default:
      return parse_number(value);
    }
  }

  bool parse_word(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return fail("expected a value");
    at_ += word.size();
    return true;
  }

  bool parse_number(JsonValue& value) {
    size_t begin = at_;
    take('-');
    if (!take('0') && !take_digits()) return fail("expected a value");
    if (take('.') && !take_digits()) return fail("expected a digit");
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      if (!take_digits()) return fail("expected a digit");
    }
    value.kind = JsonValue::Kind::Number;
    value.text = text_.substr(begin, at_ - begin);
    return true;
  }

  bool take_digits() {
    size_t begin = at_;
    while (!done() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
    return at_ > begin;
  }

  bool parse_array(JsonValue& value, int depth) {
    value.kind = JsonValue::Kind::Array;
    take('[');
    skip_space();
    if (take(']')) return true;
    do {
      skip_space();
      value.elements.emplace_back();
      if (!parse_value(value.elements.back(), depth + 1)) return false;
      skip_space();
    } while (take(','));
    return take(']') || fail("expected ',' or ']'");
  }

  bool parse_object(JsonValue& value, int depth) {
    value.kind = JsonValue::Kind::Object;
    take('{');
    skip_space();
    if (take('}')) return true;
    do {
      skip_space();
      if (peek() != '"') return fail("expected a name in quotes");
      value.members.emplace_back();
      if (!parse_string(value.members.back().first)) return false;
      skip_space();
      if (!take(':')) return fail("expected ':'");
      skip_space();
      if (!parse_value(value.members.back().second, depth + 1)) return false;
      skip_space();
    } while (take(','));
    if (!take('}')) return fail("expected ',' or '}'");
    return names_differ(value) || fail("a name occurs twice in the object that ends");
  }

  static bool names_differ(const JsonValue& object) {
    std::vector<std::string_view> names;
    names.reserve(object.members.size());
    for (const auto& member : object.members) names.push_back(member.first);
    std::sort(names.begin(), names.end());
    return std::adjacent_find(names.begin(), names.end()) == names.end();
  }

  bool parse_string(std::string& out) {
    take('"');
    while (!done()) {
      unsigned char byte = static_cast<unsigned char>(text_[at_]);
      if (byte == '"') {
        ++at_;
        return true;
      }
      if (byte < 0x20) return fail("control character in a string");
      if (byte == '\\') {
        if (!parse_escape(out)) return false;
        continue;
      }
      size_t length = utf8_sequence_length(text_.substr(at_));
      if (length == 0) return fail("malformed UTF-8");
      out.append(text_.substr(at_, length));
      at_ += length;
    }
    return fail("string without end");
  }

  bool parse_escape(std::string& out) {
    ++at_; // the backslash
    if (done()) return fail("string without end");
    char kind = text_[at_++];
    switch (kind) {
    case '"':
    case '\\':
    case '/':
      out += kind;
      return true;
    case 'b':
      out += '\b';
      return true;
    case 'f':
      out += '\f';
      return true;
    case 'n':
      out += '\n';
      return true;
    case 'r':
      out += '\r';
      return true;
    case 't':
      out += '\t';
      return true;
    case 'u':
      break;
    default:
      --at_;
      return fail("unknown escape");
    }
    uint32_t code = 0;
    if (!parse_hex4(code)) return false;
    if (code >= 0xdc00 && code <= 0xdfff) return fail("lone surrogate");
    if (code >= 0xd800 && code <= 0xdbff) {
      uint32_t low = 0;
      if (!take('\\') || !take('u')) return fail("lone surrogate");
      if (!parse_hex4(low)) return false;
      if (low < 0xdc00 || low > 0xdfff) return fail("lone surrogate");
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    append_utf8(out, code);
    return true;
  }

  bool parse_hex4(uint32_t& code) {
    for (int digit = 0; digit < 4; ++digit) {
      char c = peek();
      uint32_t value = c >= '0' && c <= '9'   ? c - '0'
                       : c >= 'a' && c <= 'f' ? c - 'a' + 10
                       : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                              : 16;
      if (value == 16) return fail("expected four hex digits");
      code = code * 16 + value;
      ++at_;
    }
    return true;
  }

  static void append_utf8(std::string& out, uint32_t code) {
    auto put = [&](uint32_t byte) { out += static_cast<char>(byte); };
    if (code < 0x80) {
      put(code);
    } else if (code < 0x800) {
      put(0xc0 | code >> 6);
      put(0x80 | (code & 63));
    } else if (code < 0x10000) {
      put(0xe0 | code >> 12);
      put(0x80 | (code >> 6 & 63));
      put(0x80 | (code & 63));
    } else {
      put(0xf0 | code >> 18);
      put(0x80 | (code >> 12 & 63));
      put(0x80 | (code >> 6 & 63));
      put(0x80 | (code & 63));
    }
  }

  std::string_view text_;
  std::string& problem_;
  size_t at_ = 0;
};

} // namespace

JsonValue::JsonValue() = default;
JsonValue::~JsonValue() = default;
JsonValue::JsonValue(const JsonValue&) = default;
JsonValue& JsonValue::operator=(const JsonValue&) = default;
JsonValue::JsonValue(JsonValue&&) noexcept = default;
JsonValue& JsonValue::operator=(JsonValue&&) noexcept = default;

const JsonValue* JsonValue::find(std::string_view name) const {
  for (const auto& member : members)
    if (member.first == name) return &member.second;
  return nullptr;
}

bool JsonValue::as_unsigned(uint64_t& value) const { return kind == Kind::Number && parse_unsigned(text, value); }

double JsonValue::number(std::string_view name) const {
  const JsonValue* found = find(name);
  double value;
  return found && found->kind == Kind::Number && parse_double(found->text, value)
             ? value
             : std::numeric_limits<double>::quiet_NaN();
}

int64_t JsonValue::count(std::string_view name) const {
  const JsonValue* found = find(name);
  uint64_t value;
  return found && found->as_unsigned(value) ? static_cast<int64_t>(value) : 0;
}

bool parse_json(std::string_view text, JsonValue& value, std::string& problem) {
  value = JsonValue();
  return Parser(text, problem).parse_document(value);
}

} // namespace kiln::runtime
