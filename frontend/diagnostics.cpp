// What is wrong with an experiment, for people and for programs.
// Ordering, text form and JSON form; nothing here knows where a diagnostic comes from.
#include "frontend/diagnostics.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace kiln::frontend {
namespace {

const char* name_of(Severity severity) { return severity == Severity::error ? "error" : "warning"; }

const char* name_of(ErrorKind kind) {
  switch (kind) {
  case ErrorKind::usage:
    return "usage";
  case ErrorKind::model:
    return "model";
  case ErrorKind::data:
    return "data";
  case ErrorKind::unsupported:
    return "unsupported";
  }
  return "";
}

} // namespace

std::string to_string(const Diagnostic& diagnostic) {
  std::string text = diagnostic.place.file;
  if (diagnostic.place.line > 0) text += fmt::format(":{}:{}", diagnostic.place.line, diagnostic.place.column);
  if (!text.empty()) text += ": ";
  text += fmt::format("{}: ", name_of(diagnostic.severity));
  if (!diagnostic.layer.empty()) text += fmt::format("layer \"{}\"", diagnostic.layer);
  if (!diagnostic.layer.empty() && !diagnostic.layer_kind.empty()) text += fmt::format(" ({})", diagnostic.layer_kind);
  if (!diagnostic.layer.empty()) text += ": ";
  text += diagnostic.message;
  constexpr size_t few = 4; // a block can be used a hundred times
  for (size_t i = 0; i < diagnostic.uses.size() && i < few; ++i) {
    const Place::Use& use = diagnostic.uses[i];
    text +=
        fmt::format("\n  in block \"{}\", used here: {}:{}:{}", use.block, diagnostic.place.file, use.line, use.column);
  }
  if (diagnostic.uses.size() > few) text += fmt::format("\n  and {} more uses", diagnostic.uses.size() - few);
  if (!diagnostic.hint.empty()) text += "\n  hint: " + diagnostic.hint;
  return text;
}

void Diagnostics::add(Diagnostic diagnostic) {
  Diagnostic* known = nullptr;
  for (Diagnostic& entry : entries_) {
    const bool is_in_block = !diagnostic.place.uses.empty() && !entry.place.uses.empty();
    const bool is_same_place =
        std::pair(entry.place.line, entry.place.column) == std::pair(diagnostic.place.line, diagnostic.place.column);
    if (is_in_block && is_same_place && entry.place.file == diagnostic.place.file &&
        entry.severity == diagnostic.severity && entry.message == diagnostic.message && entry.hint == diagnostic.hint)
      known = &entry;
  }
  std::vector<Place::Use> uses = diagnostic.place.uses;
  if (known == nullptr) {
    entries_.push_back(std::move(diagnostic));
    known = &entries_.back();
  }
  for (Place::Use& use : uses)
    if (std::find(known->uses.begin(), known->uses.end(), use) == known->uses.end())
      known->uses.push_back(std::move(use));
}

void Diagnostics::error(ErrorKind kind, Place place, std::string message, std::string hint) {
  add({Severity::error, kind, std::move(place), {}, {}, std::move(message), std::move(hint), {}});
}

void Diagnostics::warning(Place place, std::string message, std::string hint) {
  add({Severity::warning, ErrorKind::model, std::move(place), {}, {}, std::move(message), std::move(hint), {}});
}

bool Diagnostics::has_errors() const { return exit_code() != 0; }

int Diagnostics::exit_code() const {
  int code = 0;
  for (const Diagnostic& entry : entries_) {
    if (entry.severity != Severity::error) continue;
    int own = static_cast<int>(entry.kind);
    code = code == 0 ? own : std::min(code, own);
  }
  return code;
}

std::vector<Diagnostic> Diagnostics::sorted() const {
  std::vector<Diagnostic> entries = entries_;
  std::stable_sort(entries.begin(), entries.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::pair(a.place.line, a.place.column) < std::pair(b.place.line, b.place.column);
  });
  return entries;
}

std::string Diagnostics::text() const {
  std::string text;
  for (const Diagnostic& entry : sorted()) text += to_string(entry) + "\n";
  return text;
}

std::string Diagnostics::json() const {
  nlohmann::json list = nlohmann::json::array();
  for (const Diagnostic& entry : sorted()) {
    nlohmann::json uses = nlohmann::json::array();
    for (const Place::Use& use : entry.uses)
      uses.push_back({{"block", use.block}, {"line", use.line}, {"column", use.column}});
    list.push_back({{"severity", name_of(entry.severity)},
                    {"kind", name_of(entry.kind)},
                    {"file", entry.place.file},
                    {"line", entry.place.line},
                    {"column", entry.place.column},
                    {"layer", entry.layer},
                    {"layer_kind", entry.layer_kind},
                    {"message", entry.message},
                    {"hint", entry.hint},
                    {"uses", uses}});
  }
  // Input bytes that are not UTF-8 can reach a message.
  return list.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

} // namespace kiln::frontend
