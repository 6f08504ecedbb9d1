// Structs of C as constants of an LLVM module.
#include "codegen/constant_record.h"

#include "codegen/llvm.h"

#include <algorithm>

namespace kiln::codegen {

std::string ConstantWriter::text(std::string_view text) {
  const auto known = std::find_if(texts_.begin(), texts_.end(), [&](const auto& entry) { return entry.first == text; });
  if (known != texts_.end()) return known->second;
  const std::string terminated(text);
  std::string symbol = bytes(terminated.c_str(), terminated.size() + 1);
  texts_.emplace_back(terminated, symbol);
  return symbol;
}

std::string ConstantWriter::bytes(const void* data, size_t size) {
  const auto* first = static_cast<const char*>(data);
  return add({{first, first + size}, {}}, 1);
}

std::string ConstantWriter::texts(const std::vector<std::string>& all) {
  ConstantBytes pointers;
  for (const std::string& each : all) append(pointers, {std::vector<char>(sizeof(char*)), {{0, text(each)}}});
  return add(pointers, alignof(char*));
}

void ConstantWriter::append(ConstantBytes& all, const ConstantBytes& next) {
  for (const ConstantBytes::Pointer& pointer : next.pointers)
    all.pointers.push_back({all.bytes.size() + pointer.offset, pointer.symbol});
  all.bytes.insert(all.bytes.end(), next.bytes.begin(), next.bytes.end());
}

std::string ConstantWriter::add(const ConstantBytes& content, size_t alignment) {
  if (content.bytes.empty()) return {};
  llvm::LLVMContext& context = module_.context();
  llvm::Module& module = module_.module();
  std::vector<ConstantBytes::Pointer> pointers = content.pointers;
  std::sort(pointers.begin(), pointers.end(), [](const auto& a, const auto& b) { return a.offset < b.offset; });
  std::vector<llvm::Constant*> parts;
  size_t at = 0;
  const auto plain_until = [&](size_t end) {
    if (end > at)
      parts.push_back(
          llvm::ConstantDataArray::getString(context, llvm::StringRef(content.bytes.data() + at, end - at), false));
    at = end;
  };
  for (const ConstantBytes::Pointer& pointer : pointers) {
    plain_until(pointer.offset);
    llvm::Constant* target = module.getNamedValue(pointer.symbol);
    if (target == nullptr) {
      target = module.getOrInsertGlobal(pointer.symbol, llvm::Type::getInt8Ty(context));
      llvm::cast<llvm::GlobalVariable>(target)->setVisibility(llvm::GlobalValue::HiddenVisibility);
    }
    parts.push_back(target);
    at += sizeof(void*);
  }
  plain_until(content.bytes.size());
  llvm::Constant* initializer = llvm::ConstantStruct::getAnon(context, parts, true);
  std::string symbol = prefix_ + std::to_string(count_++);
  auto* global = new llvm::GlobalVariable(module, initializer->getType(), true, llvm::GlobalValue::InternalLinkage,
                                          initializer, symbol);
  global->setAlignment(llvm::Align(alignment));
  return symbol;
}

} // namespace kiln::codegen
