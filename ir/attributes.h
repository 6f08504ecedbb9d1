// Typed attributes of an op, held type-erased by its node. An op's attributes struct lists its fields once, in
//   void fields(FieldVisitor& visit) { visit("stride", stride); ... }
// and text, parsing, comparison and kernel keys follow from that list.
#pragma once

#include "ir/epilogue.h"
#include "ir/type.h"

#include <any>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::ir {

// A random stream's id (see runtime/counter_random.h). A type of its own, because kernels are shared between layers
// that differ in it alone: it reaches them as a launch constant and is left out of kernel keys.
struct StreamId {
  uint64_t value = 0;
  bool operator==(const StreamId&) const = default;
};

class FieldVisitor {
public:
  virtual ~FieldVisitor() = default;
  virtual void operator()(std::string_view name, bool& value) = 0;
  virtual void operator()(std::string_view name, int64_t& value) = 0;
  virtual void operator()(std::string_view name, double& value) = 0;
  virtual void operator()(std::string_view name, StreamId& value) = 0;
  // A list of fixed length, e.g. stride=[1,1].
  virtual void operator()(std::string_view name, std::span<int64_t> values) = 0;
  virtual void operator()(std::string_view name, Dims& values) = 0;
  virtual void operator()(std::string_view name, std::vector<double>& values) = 0;
  virtual void operator()(std::string_view name, Epilogue& value) = 0;
  // One of `names`; the value is its position. Enums go through enum_field below.
  virtual void enumeration(std::string_view name, std::span<const std::string_view> names, int& value) = 0;
};

template <class E>
void enum_field(FieldVisitor& visit, std::string_view name, std::span<const std::string_view> names, E& value) {
  int position = static_cast<int>(value);
  visit.enumeration(name, names, position);
  value = static_cast<E>(position);
}

struct NoAttributes {
  void fields(FieldVisitor&) {}
};

class Attributes {
public:
  Attributes() : Attributes(NoAttributes{}) {}
  template <class T> static Attributes of(T value) { return Attributes(std::move(value)); }

  template <class T> const T& as() const { return *std::any_cast<T>(&value_); }
  template <class T> T& as() { return *std::any_cast<T>(&value_); }

  void visit(FieldVisitor& visitor) { visit_(value_, visitor); }
  // For visitors that only read.
  void visit(FieldVisitor& visitor) const { visit_(const_cast<std::any&>(value_), visitor); }

private:
  template <class T> explicit Attributes(T value)
      : value_(std::move(value)),
        visit_([](std::any& any, FieldVisitor& visitor) { std::any_cast<T>(&any)->fields(visitor); }) {}

  std::any value_;
  void (*visit_)(std::any&, FieldVisitor&);
};

// "{stride=[1,1], pad=[0,0,0,0]}" with every field; empty when there is none.
std::string to_string(const Attributes& attributes);

} // namespace kiln::ir
