// The schema seen through reflection: what its messages and fields are called when we speak to people.
// A message is called by its type in lower case: LearningRate -> learning_rate, so that it reads like the field.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <google/protobuf/descriptor.h>

namespace kiln::frontend {

// Every message of the language: those of kiln.proto and of what it imports.
std::vector<const google::protobuf::Descriptor*> schema_messages();

std::string display_name(const google::protobuf::Descriptor& message);
std::vector<std::string> field_names(const google::protobuf::Descriptor& message);
std::vector<std::string> value_names(const google::protobuf::EnumDescriptor& values);

// What to say about a field name that `message` does not have: a near name of its own, else the messages that do have
// it, else all it has.
std::string unknown_field_hint(std::string_view name, const google::protobuf::Descriptor& message);

} // namespace kiln::frontend
