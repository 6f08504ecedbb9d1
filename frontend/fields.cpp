// The schema seen through reflection: what its messages and fields are called when we speak to people.
// Everything is asked of the descriptors, so that new fields need no edit here.
#include "frontend/fields.h"

#include <cctype>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "frontend/proto/kiln.pb.h"
#include "frontend/suggest.h"

namespace kiln::frontend {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;

std::string display_name(const Descriptor& message) {
  std::string result;
  for (char c : message.name()) {
    bool upper = std::isupper(static_cast<unsigned char>(c)) != 0;
    if (upper && !result.empty()) result += '_';
    result += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return result;
}

std::vector<std::string> field_names(const Descriptor& message) {
  std::vector<std::string> names;
  for (int i = 0; i < message.field_count(); ++i) names.push_back(message.field(i)->name());
  return names;
}

std::vector<const Descriptor*> schema_messages() {
  const auto& main = *proto::Experiment::descriptor()->file();
  std::vector<const google::protobuf::FileDescriptor*> files{&main};
  for (int i = 0; i < main.dependency_count(); ++i) files.push_back(main.dependency(i));
  std::vector<const Descriptor*> messages;
  for (const auto* file : files)
    for (int i = 0; i < file->message_type_count(); ++i) messages.push_back(file->message_type(i));
  return messages;
}

std::vector<std::string> value_names(const EnumDescriptor& values) {
  std::vector<std::string> names;
  for (int i = 0; i < values.value_count(); ++i) names.push_back(values.value(i)->name());
  return names;
}

std::string unknown_field_hint(std::string_view name, const Descriptor& message) {
  std::vector<std::string> own = field_names(message);
  if (std::string near = nearest(name, own); !near.empty()) return fmt::format("did you mean \"{}\"?", near);

  std::vector<std::string> owners;
  for (const Descriptor* other : schema_messages())
    if (other->FindFieldByName(std::string(name)) != nullptr) owners.push_back(display_name(*other));
  constexpr size_t few = 4; // `kernel` belongs to many: naming them all helps nobody
  if (!owners.empty() && owners.size() <= few)
    return fmt::format("\"{}\" is a field of {}", name, fmt::join(owners, ", "));
  if (own.empty()) return fmt::format("{} has no fields", display_name(message));
  return suggestion(name, own);
}

} // namespace kiln::frontend
