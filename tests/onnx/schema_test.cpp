// Our wire schema of ONNX against the one that Debian's libonnx-dev installs.
#include "frontend/proto/onnx.pb.h"

#include <fstream>
#include <google/protobuf/descriptor.pb.h>
#include <gtest/gtest.h>

namespace kiln {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;

void compare(const EnumDescriptor& ours, const EnumDescriptor& theirs) {
  EXPECT_EQ(ours.value_count(), theirs.value_count()) << ours.full_name();
  for (int i = 0; i < ours.value_count(); ++i) {
    const auto* value = theirs.FindValueByName(ours.value(i)->name());
    ASSERT_NE(value, nullptr) << ours.value(i)->full_name();
    EXPECT_EQ(ours.value(i)->number(), value->number()) << ours.value(i)->full_name();
  }
}

void compare(const Descriptor& ours, const Descriptor& theirs) {
  EXPECT_GT(ours.field_count(), 0) << ours.full_name();
  for (int i = 0; i < ours.field_count(); ++i) {
    const FieldDescriptor& field = *ours.field(i);
    const FieldDescriptor* other = theirs.FindFieldByName(field.name());
    ASSERT_NE(other, nullptr) << field.full_name();
    EXPECT_EQ(field.number(), other->number()) << field.full_name();
    EXPECT_EQ(field.type(), other->type()) << field.full_name();
    EXPECT_EQ(field.is_repeated(), other->is_repeated()) << field.full_name();
    if (field.message_type() != nullptr) {
      EXPECT_EQ(field.message_type()->name(), other->message_type()->name()) << field.full_name();
    }
  }
  for (int i = 0; i < ours.enum_type_count(); ++i) {
    const EnumDescriptor* other = theirs.FindEnumTypeByName(ours.enum_type(i)->name());
    ASSERT_NE(other, nullptr) << ours.enum_type(i)->full_name();
    compare(*ours.enum_type(i), *other);
  }
  for (int i = 0; i < ours.nested_type_count(); ++i) {
    const Descriptor* other = theirs.FindNestedTypeByName(ours.nested_type(i)->name());
    ASSERT_NE(other, nullptr) << ours.nested_type(i)->full_name();
    compare(*ours.nested_type(i), *other);
  }
}

TEST(OnnxSchema, NumbersAndTypesAreThoseOfOnnx) {
  // protoc's descriptors of onnx.proto, made when the tests are built.
  std::ifstream file(KILN_ONNX_SCHEMA, std::ios::binary);
  google::protobuf::FileDescriptorSet set;
  ASSERT_TRUE(set.ParseFromIstream(&file));
  ASSERT_EQ(set.file_size(), 1);
  google::protobuf::DescriptorPool pool;
  const auto* theirs = pool.BuildFile(set.file(0));
  ASSERT_NE(theirs, nullptr);
  const auto& ours = *frontend::onnx::proto::ModelProto::descriptor()->file();
  EXPECT_GT(ours.message_type_count(), 0);
  for (int i = 0; i < ours.message_type_count(); ++i) {
    const Descriptor* other = theirs->FindMessageTypeByName(ours.message_type(i)->name());
    ASSERT_NE(other, nullptr) << ours.message_type(i)->full_name();
    compare(*ours.message_type(i), *other);
  }
}

} // namespace
} // namespace kiln
