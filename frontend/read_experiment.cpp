// Experiment file -> message and the position of every field.
// protobuf's parser does the reading, of text whose blocks have been expanded; its positions and its words are turned
// into ours here. It reports some errors at the token after the guilty one.
#include "frontend/read_experiment.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/unknown_field_set.h>

#include "frontend/expand_blocks.h"
#include "frontend/fields.h"
#include "frontend/read_file.h"
#include "frontend/source_map.h"
#include "frontend/suggest.h"

namespace kiln::frontend {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::TextFormat;

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// The last occurrence of `word` as a whole word that begins before `offset`; `offset` itself if there is none.
size_t word_before(std::string_view text, size_t offset, std::string_view word) {
  if (word.empty()) return offset;
  for (size_t end = offset; end > 0;) {
    size_t at = text.rfind(word, end - 1);
    if (at == std::string_view::npos) break;
    bool whole =
        (at == 0 || !is_word(text[at - 1])) && (at + word.size() >= text.size() || !is_word(text[at + word.size()]));
    if (whole) return at;
    end = at;
  }
  return offset;
}

// The texts between double quotes.
std::vector<std::string> quoted(const std::string& message) {
  std::vector<std::string> parts;
  for (size_t at = message.find('"'); at != std::string::npos;) {
    size_t end = message.find('"', at + 1);
    if (end == std::string::npos) break;
    parts.push_back(message.substr(at + 1, end - at - 1));
    at = message.find('"', end + 1);
  }
  return parts;
}

// Enum types that a field of this name has somewhere in the schema; the parser does not tell in which message it was.
std::vector<std::string> values_of_fields_named(const std::string& name) {
  for (const Descriptor* message : schema_messages()) {
    const FieldDescriptor* field = message->FindFieldByName(name);
    if (field != nullptr && field->enum_type() != nullptr) return value_names(*field->enum_type());
  }
  return {};
}

class Collector : public google::protobuf::io::ErrorCollector {
public:
  Collector(const ExpandedText& expanded, const TextLines& lines, Diagnostics& diagnostics)
      : expanded_(expanded), lines_(lines), diagnostics_(diagnostics) {}

  void AddError(int line, google::protobuf::io::ColumnNumber column, const std::string& message) override {
    if (failed_) return; // what follows the first one is mostly its echo
    failed_ = true;
    size_t at = lines_.offset_of_parser(line, column);
    std::vector<std::string> names = quoted(message);
    std::string text = message;
    std::string hint;
    if (message.starts_with("Unknown enumeration value of") && names.size() == 2) {
      at = word_before(expanded_.text(), at, names[0]);
      text = fmt::format("{} has no value {}", names[1], names[0]);
      hint = suggestion(names[0], values_of_fields_named(names[1]));
    } else if (message.starts_with("Non-repeated field") && !names.empty()) {
      at = word_before(expanded_.text(), at, names[0]);
      text = fmt::format("{} is given twice", names[0]);
    } else if (message.find("another member of oneof") != std::string::npos && names.size() == 3) {
      at = word_before(expanded_.text(), at, names[0]);
      text = fmt::format("{} cannot stand beside {}: only one {} is possible", names[0], names[1], names[2]);
    } else if (message.ends_with("got: ")) {
      text = "the file ends too early";
      hint = "is a } missing?";
    }
    if (message.ends_with("got: -")) text = "expected a number without a sign, got: -";
    while (!text.empty() && text.back() == '.') text.pop_back();
    if (!text.empty()) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
    report(at, std::move(text), std::move(hint));
  }

  // With unknown fields allowed, they are what the parser warns of.
  void AddWarning(int line, google::protobuf::io::ColumnNumber column, const std::string& message) override {
    size_t at = lines_.offset_of_parser(line, column);
    std::vector<std::string> names = quoted(message);
    const Descriptor* type = names.size() == 2 && message.find("has no field named") != std::string::npos
                                 ? proto::Experiment::descriptor()->file()->pool()->FindMessageTypeByName(names[0])
                                 : nullptr;
    if (type == nullptr) {
      report(at, message, {});
      return;
    }
    at = word_before(expanded_.text(), at, names[1]);
    unknown_.push_back(at);
    report(at, fmt::format("unknown field \"{}\" in {}", names[1], display_name(*type)),
           unknown_field_hint(names[1], *type));
  }

  // Offsets of unknown names.
  const std::vector<size_t>& unknown() const { return unknown_; }

private:
  void report(size_t offset, std::string message, std::string hint) {
    diagnostics_.error(ErrorKind::model, expanded_.place(offset), std::move(message), std::move(hint));
  }

  const ExpandedText& expanded_;
  const TextLines& lines_; // of the expansion
  Diagnostics& diagnostics_;
  std::vector<size_t> unknown_;
  bool failed_ = false;
};

// Notes where each field of `message` stands, and in which messages unknown names stand.
class PlaceWriter {
public:
  PlaceWriter(const ExpandedText& expanded, const TextLines& lines, const std::vector<size_t>& unknown,
              Positions& positions)
      : expanded_(expanded), lines_(lines), unknown_(unknown), innermost_(unknown.size()), positions_(positions) {}

  void write(const Message& message, const TextFormat::ParseInfoTree& tree, const std::string& path) {
    std::vector<const FieldDescriptor*> fields;
    message.GetReflection()->ListFields(message, &fields);
    for (const FieldDescriptor* field : fields) {
      std::string own = path.empty() ? field->name() : path + "." + field->name();
      if (!field->is_repeated()) {
        write_element(message, tree, *field, -1, own);
        continue;
      }
      int size = message.GetReflection()->FieldSize(message, field);
      for (int i = 0; i < size; ++i) write_element(message, tree, *field, i, fmt::format("{}[{}]", own, i));
    }
  }

  void mark_damaged() {
    for (const std::string& path : innermost_) positions_.set_damaged(path);
  }

private:
  void write_element(const Message& message, const TextFormat::ParseInfoTree& tree, const FieldDescriptor& field,
                     int index, const std::string& path) {
    TextFormat::ParseLocationRange range = tree.GetLocationRange(&field, index);
    if (range.start.line >= 0) {
      size_t begin = lines_.offset_of_parser(range.start.line, range.start.column);
      positions_.set(path, expanded_.place(begin));
      size_t end = lines_.offset_of_parser(range.end.line, range.end.column);
      bool holds_fields = field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
      // Outer messages are visited before inner ones: the last to hold a name is the innermost.
      for (size_t i = 0; holds_fields && i < unknown_.size(); ++i)
        if (begin <= unknown_[i] && unknown_[i] < end) innermost_[i] = path;
    }
    if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) return;
    const TextFormat::ParseInfoTree* nested = tree.GetTreeForNested(&field, index);
    if (nested == nullptr) return;
    const auto& reflection = *message.GetReflection();
    write(index < 0 ? reflection.GetMessage(message, &field) : reflection.GetRepeatedMessage(message, &field, index),
          *nested, path);
  }

  const ExpandedText& expanded_;
  const TextLines& lines_; // of the expansion
  const std::vector<size_t>& unknown_;
  std::vector<std::string> innermost_;
  Positions& positions_;
};

bool has_unknown_fields(const Message& message) {
  const auto& reflection = *message.GetReflection();
  if (!reflection.GetUnknownFields(message).empty()) return true;
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated() && has_unknown_fields(reflection.GetMessage(message, field))) return true;
    for (int i = 0; field->is_repeated() && i < reflection.FieldSize(message, field); ++i)
      if (has_unknown_fields(reflection.GetRepeatedMessage(message, field, i))) return true;
  }
  return false;
}

std::optional<ReadExperiment> parse_binary(const std::string& bytes, const std::string& file,
                                           Diagnostics& diagnostics) {
  ReadExperiment result{{}, Positions(file)};
  if (!result.message.ParseFromString(bytes)) {
    diagnostics.error(ErrorKind::model, {file, 0, 0, {}}, "not an experiment in binary form",
                      "names that end in .pb are read as serialized kiln.proto.Experiment");
    return std::nullopt;
  }
  if (has_unknown_fields(result.message)) {
    diagnostics.error(ErrorKind::model, {file, 0, 0}, "holds fields that this version of Kiln does not know");
    return std::nullopt;
  }
  const proto::Network& network = result.message.network();
  bool has_blocks = !network.block().empty();
  for (const proto::Layer& layer : network.layer()) has_blocks = has_blocks || layer.has_use();
  if (has_blocks) {
    diagnostics.error(ErrorKind::model, {file, 0, 0}, "holds blocks, which only text can",
                      "kiln render writes an experiment with its blocks replaced");
    return std::nullopt;
  }
  return result;
}

} // namespace

std::optional<ReadExperiment> parse_experiment(std::string_view text, const std::string& file,
                                               Diagnostics& diagnostics) {
  ReadExperiment result{{}, Positions(file)};
  const std::optional<Expansion> expansion = expand_blocks(text, file, diagnostics);
  if (!expansion) return std::nullopt;
  const TextLines lines(expansion->text.text());
  Collector collector(expansion->text, lines, diagnostics);
  TextFormat::ParseInfoTree tree;
  TextFormat::Parser parser;
  parser.RecordErrorsTo(&collector);
  parser.WriteLocationsTo(&tree);
  parser.AllowUnknownField(true);
  bool parsed = parser.ParseFromString(expansion->text.text(), &result.message);
  if (!parsed) return std::nullopt;
  PlaceWriter writer(expansion->text, lines, collector.unknown(), result.positions);
  writer.write(result.message, tree, "");
  writer.mark_damaged();
  if (!expansion->complete) { // what is said of half a network helps nobody
    result.message.mutable_network()->Clear();
    result.positions.set_damaged("network");
  }
  return result;
}

std::optional<ReadExperiment> read_experiment(const std::string& path, Diagnostics& diagnostics) {
  std::optional<std::string> bytes = read_file(path);
  if (!bytes) {
    diagnostics.error(ErrorKind::data, {path, 0, 0}, fmt::format("cannot read: {}", std::strerror(errno)));
    return std::nullopt;
  }
  if (path.ends_with(".pb")) return parse_binary(*bytes, path, diagnostics);
  return parse_experiment(*bytes, path, diagnostics);
}

} // namespace kiln::frontend
