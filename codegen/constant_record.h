// Structs of C as bytes and pointers, for constants of emitted programs. The layout of this compiler is the target's:
// both follow the System V ABI with 64-bit pointers.
#pragma once

#include "codegen/module.h"

#include <array>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace kiln::codegen {

// Bytes of which some are replaced by addresses of symbols when the program is linked.
struct ConstantBytes {
  struct Pointer {
    size_t offset;
    std::string symbol;
  };

  std::vector<char> bytes;
  std::vector<Pointer> pointers; // ascending
};

// A struct, field by field: what lies between them is zero, so that the same values give the same bytes.
template <class T> class ConstantRecord {
  static_assert(std::is_standard_layout_v<T> && std::is_trivially_copyable_v<T>);

public:
  ConstantRecord() { content_.bytes.resize(sizeof(T)); }

  template <class Field> ConstantRecord& set(Field T::*field, const std::type_identity_t<Field>& value) {
    static_assert(!std::is_pointer_v<Field>);
    std::memcpy(content_.bytes.data() + offset_of(field), &value, sizeof(Field));
    return *this;
  }
  template <class Field, size_t count>
  ConstantRecord& set_array(Field (T::*field)[count], const Field (&values)[count]) {
    static_assert(std::is_arithmetic_v<Field>);
    std::memcpy(content_.bytes.data() + offset_of(field), values, sizeof(values));
    return *this;
  }
  // An empty symbol is a null pointer.
  template <class Field> ConstantRecord& point(Field T::*field, const std::string& symbol) {
    static_assert(std::is_pointer_v<Field>);
    if (!symbol.empty()) content_.pointers.push_back({offset_of(field), symbol});
    return *this;
  }
  template <class Field> ConstantRecord& embed(Field T::*field, const ConstantRecord<Field>& record) {
    place(offset_of(field), record);
    return *this;
  }
  template <class Field, size_t count>
  ConstantRecord& embed(Field (T::*field)[count], size_t index, const ConstantRecord<Field>& record) {
    place(offset_of(field) + index * sizeof(Field), record);
    return *this;
  }

  const ConstantBytes& content() const { return content_; }

private:
  // Of members of a standard-layout struct, from one that is never read.
  template <class Field> static size_t offset_of(Field T::*field) {
    alignas(T) static constexpr std::array<char, sizeof(T)> storage{};
    const auto* base = reinterpret_cast<const T*>(storage.data());
    return static_cast<size_t>(reinterpret_cast<const char*>(&(base->*field)) - storage.data());
  }

  template <class Field> void place(size_t offset, const ConstantRecord<Field>& record) {
    const ConstantBytes& inner = record.content();
    std::memcpy(content_.bytes.data() + offset, inner.bytes.data(), inner.bytes.size());
    for (const ConstantBytes::Pointer& pointer : inner.pointers)
      content_.pointers.push_back({offset + pointer.offset, pointer.symbol});
  }

  ConstantBytes content_;
};

// Adds constants to one module. All names are local to it but those that others define.
class ConstantWriter {
public:
  // Symbols that the writer makes begin with `prefix`.
  ConstantWriter(EmittedModule& module, std::string prefix) : module_(module), prefix_(std::move(prefix)) {}

  // Each returns the symbol of what it added; of nothing, an empty one.
  std::string text(std::string_view text); // zero-terminated; the same text once
  std::string bytes(const void* data, size_t size);
  std::string texts(const std::vector<std::string>& all);
  template <class T> std::string record(const ConstantRecord<T>& record) { return add(record.content(), alignof(T)); }
  template <class T> std::string array(const std::vector<ConstantRecord<T>>& records) {
    ConstantBytes all;
    for (const ConstantRecord<T>& record : records) append(all, record.content());
    return add(all, alignof(T));
  }
  template <class T> std::string values(std::span<const T> values) {
    static_assert(std::is_arithmetic_v<T>);
    return add({{reinterpret_cast<const char*>(values.data()),
                 reinterpret_cast<const char*>(values.data()) + values.size_bytes()},
                {}},
               alignof(T));
  }

private:
  static void append(ConstantBytes& all, const ConstantBytes& next);
  std::string add(const ConstantBytes& content, size_t alignment);

  EmittedModule& module_;
  std::string prefix_;
  size_t count_ = 0;
  std::vector<std::pair<std::string, std::string>> texts_; // and their symbols
};

} // namespace kiln::codegen
