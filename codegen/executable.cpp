// Products: everything of a plan that Program keeps in memory, as objects to link.
#include "codegen/executable.h"

#include "codegen/c_entry.h"
#include "codegen/embed_program.h"
#include "codegen/llvm.h"
#include "codegen/object_cache.h"
#include "codegen/plan_modules.h"
#include "codegen/program.h"
#include "runtime/layout.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace kiln::codegen {

namespace {

// Collects the modules of a product, whose last one holds the descriptions and main.
class ProductBuilder {
public:
  explicit ProductBuilder(const ProductOptions& options)
      : options_(options), constants_("product"), writer_(constants_, "kiln_constant_"),
        licences_(writer_.bytes(options.licences.data(), options.licences.size())) {}

  // Adds a program's code and constants; the symbol of its kiln_program. `kind` tells programs of one level apart.
  // Its constants are embedded as they lie in memory, or, if `known` is given, in logical order and added to that.
  std::string add_program(const ir::Plan& plan, const std::string& kind,
                          std::vector<ConstantRecord<kiln_known_state>>* known = nullptr) {
    const std::string level(name_of(plan.target.level));
    const std::string prefix = "kiln_" + kind + "_" + level + "_";
    if (levels_.empty() || levels_.back() != level) levels_.push_back(level);
    const Description description(plan, plan_hash(plan), options_.facts);
    PlanModules modules(plan, prefix + "function_");
    ProgramSymbols symbols;
    for (const ir::FunctionPlan& function : plan.functions) {
      modules.add(function);
      symbols.entries.push_back(modules.driver_symbol(*function.function));
    }
    product_.kernel_count += modules.kernel_count();
    // Programs share kernels: hiding makes those of a name one.
    for (EmittedModule& module : modules.modules()) hide_functions(module);
    compile(modules.modules(), plan.target);
    symbols.states = [&](size_t state) { return prefix + "state_" + std::to_string(state); };
    std::vector<EmittedModule> states;
    for (int32_t i = 0; i < description.program().state_count; ++i) {
      const kiln_state& state = description.program().states[i];
      if (state.data == nullptr) continue;
      if (known != nullptr) {
        std::vector<char> logical(static_cast<size_t>(runtime::logical_bytes(state.tensor)));
        runtime::unpack(state.tensor, state.data, logical.data());
        known->push_back(add_weights(state.tensor, std::move(logical)));
        continue;
      }
      build_constant(states.emplace_back(state.tensor.name), symbols.states(static_cast<size_t>(i)), state.data,
                     state.tensor.bytes);
    }
    compile(states, plan.target);
    if (known != nullptr) symbols.states = {};
    return embed(writer_, description.program(), symbols);
  }

  // The weights of a state, embedded once for all that hold the same.
  ConstantRecord<kiln_known_state> add_weights(const kiln_tensor& tensor, std::vector<char> logical) {
    const std::vector<int64_t> dims(tensor.dims, tensor.dims + tensor.rank);
    std::vector<Weights>& all = product_.weights;
    auto weights = std::find_if(all.begin(), all.end(), [&](const Weights& each) {
      return each.dtype == tensor.dtype && each.dims == dims && each.bytes == logical;
    });
    const auto symbol = [&] { return "kiln_weights_" + std::to_string(weights - all.begin()); };
    if (weights == all.end()) {
      weights = all.insert(all.end(), {unused_key(tensor.name), tensor.dtype, dims, std::move(logical)});
      if (!options_.weights_outside) {
        std::vector<EmittedModule> module;
        build_constant(module.emplace_back(weights->key), symbol(), weights->bytes.data(),
                       static_cast<int64_t>(weights->bytes.size()));
        compile(module, ir::target_for(ir::IsaLevel::baseline));
      }
    }
    ConstantRecord<kiln_known_state> record;
    record.point(&kiln_known_state::name, writer_.text(tensor.name));
    record.point(&kiln_known_state::key, writer_.text(weights->key));
    if (!options_.weights_outside) record.point(&kiln_known_state::values, symbol());
    return record;
  }

  ConstantWriter& writer() { return writer_; }

  ConstantRecord<kiln_product> product() {
    ConstantRecord<kiln_product> product;
    product.set(&kiln_product::abi_version, KILN_ABI_VERSION);
    product.point(&kiln_product::kiln_version, writer_.text(options_.kiln_version));
    product.point(&kiln_product::licences, licences_);
    product.set(&kiln_product::licences_bytes, static_cast<int64_t>(options_.licences.size()));
    product.set(&kiln_product::licences_text_bytes, options_.licences_text_bytes);
    return product;
  }

  // Of the states of a module, as embedding its program added them, those whose values are known.
  void add_known_states(const ir::Plan& plan, const std::vector<KnownState>& states,
                        std::vector<ConstantRecord<kiln_known_state>>& records) {
    const Description description(plan, {}, {});
    const std::span all(description.program().states, static_cast<size_t>(description.program().state_count));
    for (const KnownState& known : states) {
      const auto state =
          std::find_if(all.begin(), all.end(), [&](const kiln_state& each) { return each.tensor.name == known.name; });
      if (state == all.end()) throw CodegenError(fmt::format("no state is named {}", known.name));
      const auto* bytes = reinterpret_cast<const char*>(known.values.data());
      records.push_back(add_weights(state->tensor, {bytes, bytes + known.values.size() * sizeof(float)}));
    }
  }

  void set_known_states(ConstantRecord<kiln_product>& product,
                        const std::vector<ConstantRecord<kiln_known_state>>& records) {
    product.point(&kiln_product::known_states, writer_.array(records));
    product.set(&kiln_product::known_state_count, static_cast<int32_t>(records.size()));
  }

  // int main(argc, argv) { return drive(argc, argv, products, their number); }
  Product finish(std::vector<ConstantRecord<kiln_product>> products, const char* drive) {
    const std::string levels = writer_.text(fmt::format("{}", fmt::join(levels_, ", ")));
    for (ConstantRecord<kiln_product>& product : products) product.point(&kiln_product::levels, levels);
    const std::string symbol = writer_.array(products);
    llvm::IRBuilder<> ir(constants_.context());
    llvm::Module& module = constants_.module();
    llvm::Type* pointer = ir.getPtrTy();
    auto* main_type = llvm::FunctionType::get(ir.getInt32Ty(), {ir.getInt32Ty(), pointer}, false);
    auto* function = llvm::Function::Create(main_type, llvm::Function::ExternalLinkage, "main", module);
    ir.SetInsertPoint(llvm::BasicBlock::Create(constants_.context(), "entry", function));
    auto* drive_type =
        llvm::FunctionType::get(ir.getInt32Ty(), {ir.getInt32Ty(), pointer, pointer, ir.getInt32Ty()}, false);
    ir.CreateRet(ir.CreateCall(module.getOrInsertFunction(drive, drive_type),
                               {function->getArg(0), function->getArg(1), module.getNamedValue(symbol),
                                ir.getInt32(static_cast<uint32_t>(products.size()))}));
    std::vector<EmittedModule> last;
    last.push_back(std::move(constants_));
    // It runs before the CPU is checked.
    compile(last, ir::target_for(ir::IsaLevel::baseline));
    return std::move(product_);
  }

private:
  // Levels may hold other weights under one name.
  std::string unused_key(const std::string& name) const {
    const auto is_used = [&](const std::string& key) {
      return std::any_of(product_.weights.begin(), product_.weights.end(),
                         [&](const Weights& each) { return each.key == key; });
    };
    std::string key = name;
    for (int number = 2; is_used(key); ++number) key = fmt::format("{}.{}", name, number);
    return key;
  }

  void compile(std::vector<EmittedModule>& modules, const ir::Target& target) {
    CompiledModules compiled = compile_all(modules, target, options_.threads, ObjectCache(options_.cache_directory));
    std::move(compiled.objects.begin(), compiled.objects.end(), std::back_inserter(product_.objects));
  }

  const ProductOptions& options_;
  EmittedModule constants_;
  ConstantWriter writer_;
  std::string licences_;
  std::vector<std::string> levels_;
  Product product_;
};

} // namespace

Product make_trainer(std::span<const TrainerParts> levels, const ProductOptions& options) {
  ProductBuilder builder(options);
  std::vector<ConstantRecord<kiln_product>> products;
  for (const TrainerParts& parts : levels) {
    const std::string training = builder.add_program(parts.training, "training");
    const std::string prediction = builder.add_program(parts.prediction, "prediction");
    ConstantRecord<kiln_product>& product = products.emplace_back(builder.product());
    product.point(&kiln_product::program, training).point(&kiln_product::predictor, prediction);
    product.point(&kiln_product::recipe, embed(builder.writer(), parts.recipe));
    product.point(&kiln_product::data, embed(builder.writer(), parts.data));
    std::vector<ConstantRecord<kiln_known_state>> known;
    builder.add_known_states(parts.training, parts.known_states, known);
    builder.set_known_states(product, known);
  }
  return builder.finish(std::move(products), "kiln_trainer_main");
}

Product make_inference(std::span<const InferenceParts> levels, const ProductOptions& options) {
  ProductBuilder builder(options);
  ConstantWriter& writer = builder.writer();
  std::vector<ConstantRecord<kiln_product>> products;
  for (const InferenceParts& parts : levels) {
    std::vector<ConstantRecord<kiln_known_state>> known;
    const std::string prediction = builder.add_program(parts.prediction, "prediction", &known);
    builder.add_known_states(parts.prediction, parts.known_states, known);
    ConstantRecord<kiln_product>& product = products.emplace_back(builder.product());
    product.point(&kiln_product::program, prediction);
    product.point(&kiln_product::data, embed(writer, parts.data));
    product.point(&kiln_product::sample, writer.values(std::span(parts.sample)));
    product.point(&kiln_product::sample_output, writer.values(std::span(parts.sample_output)));
    builder.set_known_states(product, known);
  }
  return builder.finish(std::move(products), "kiln_infer_main");
}

ObjectFile make_idle_main() {
  EmittedModule emitted("idle");
  llvm::IRBuilder<> ir(emitted.context());
  auto* function = llvm::Function::Create(llvm::FunctionType::get(ir.getInt32Ty(), false),
                                          llvm::Function::ExternalLinkage, "main", emitted.module());
  ir.SetInsertPoint(llvm::BasicBlock::Create(emitted.context(), "entry", function));
  ir.CreateRet(ir.getInt32(0));
  return compile(emitted, ir::target_for(ir::IsaLevel::baseline));
}

} // namespace kiln::codegen
