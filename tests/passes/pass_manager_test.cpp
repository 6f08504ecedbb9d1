// The pass manager: it names the pass that breaks a module, saves what it was given, and sweeps.
#include "passes/pass_manager.h"

#include "ir/op.h"
#include "ir/ops/convert_layout.h"
#include "ir/ops/relu.h"
#include "ir/text.h"
#include "tests/support/ir_files.h"

#include <array>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::passes {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view kText = R"(
func @predict(%src: f32[2,4]) {
  %a = relu(%src)
  %b = tanh(%a)
  return b=%b
})";

std::string message_of(const PassInfo& pass, ir::Module& module) {
  try {
    run_passes(module, std::span<const PassInfo>(&pass, 1), {});
  } catch (const InternalError& error) {
    return error.what();
  }
  return "accepted";
}

bool add_dead_node(ir::Module& module) {
  ir::Function& function = *module.functions()[0];
  function.create(ir::info<ir::Relu>(), {}, {function.inputs()[0].get()}, "dead");
  return true;
}

// The file that a message's replay command names.
std::string replay_file(const std::string& message) {
  const std::string start = "replay: kiln-opt ";
  const size_t begin = message.find(start) + start.size();
  return message.substr(begin, message.find(' ', begin) - begin);
}

TEST(PassManager, NamesThePassThatBreaksAModuleAndSavesWhatItWasGiven) {
  const auto module = ir::parse(kText);
  const std::string before = ir::print(*module);
  const PassInfo breaks = {"breaks_order", "", [](ir::Module& m, const PassOptions&) {
                             m.functions()[0]->nodes().reverse();
                             return true;
                           }};
  const std::string message = message_of(breaks, *module);
  EXPECT_THAT(message, StartsWith("pass breaks_order: @predict: tanh reads a value before it is defined; replay: "));
  EXPECT_THAT(message, HasSubstr("--passes=breaks_order --cpu=x86-64"));
  const std::string file = replay_file(message);
  EXPECT_EQ(test::read_text(file), before);
  EXPECT_EQ(ir::print(*ir::parse(test::read_text(file))), before);
  std::filesystem::remove(file);
}

TEST(PassManager, CatchesAPassThatHidesItsChange) {
  const auto module = ir::parse(kText);
  const PassInfo lies = {"lies", "", [](ir::Module& m, const PassOptions&) {
                           add_dead_node(m);
                           return false;
                         }};
  const std::string message = message_of(lies, *module);
  EXPECT_THAT(message, StartsWith("pass lies: it changed the module and said it did not; replay: "));
  std::filesystem::remove(replay_file(message));
}

TEST(PassManager, ReportsWhatAPassThrows) {
  const auto module = ir::parse(kText);
  const PassInfo throws = {"throws", "", [](ir::Module&, const PassOptions&) -> bool {
                             throw std::logic_error("it met what it did not expect");
                           }};
  const std::string message = message_of(throws, *module);
  EXPECT_THAT(message, StartsWith("pass throws: it met what it did not expect; replay: "));
  std::filesystem::remove(replay_file(message));
}

TEST(PassManager, HandsOnWhatTheUserMustHear) {
  const auto module = ir::parse(kText);
  const PassInfo refuses = {"refuses", "",
                            [](ir::Module&, const PassOptions&) -> bool { throw PassError("no parameters"); }};
  EXPECT_THROW(run_passes(*module, std::span<const PassInfo>(&refuses, 1), {}), PassError);
}

TEST(PassManager, VerifiesLayoutsOnceTheyAreAssigned) {
  const auto module = ir::parse(kText);
  for (const auto& node : module->functions()[0]->nodes()) node->kernel = ir::Kernel::any;
  const PassInfo unsettles = {"unsettles", "", [](ir::Module& m, const PassOptions&) {
                                ir::Function& function = *m.functions()[0];
                                function.nodes().front()->result().type.layout = {ir::LayoutKind::nchwc, 4};
                                return true;
                              }};
  const std::array<PassInfo, 2> passes = {*find_pass("assign_layouts"), unsettles};
  try {
    run_passes(*module, passes, {});
    FAIL() << "accepted";
  } catch (const InternalError& error) {
    EXPECT_THAT(error.what(), StartsWith("pass unsettles: @predict: relu wants a as plain, it is nchw4c"));
    std::filesystem::remove(replay_file(error.what()));
  }
}

TEST(PassManager, SweepsBehindAPassThatChangedSomething) {
  const auto module = ir::parse(kText);
  const std::string before = ir::print(*module);
  const PassInfo adds = {"adds", "", [](ir::Module& m, const PassOptions&) { return add_dead_node(m); }};
  run_passes(*module, std::span<const PassInfo>(&adds, 1), {});
  EXPECT_EQ(ir::print(*module), before);
}

TEST(PassManager, RefusesAnUnknownName) {
  const auto module = ir::parse(kText);
  const std::array<std::string_view, 1> names = {"simplify"};
  EXPECT_THROW(run_passes(*module, names, {}), PassError);
}

TEST(PassManager, TellsEachPassAndWhetherItChangedAnything) {
  const auto module = ir::parse(kText);
  std::vector<std::string> told;
  RunOptions options;
  options.after_pass = [&](std::string_view pass, const ir::Module&, bool changed) {
    told.push_back(std::string(pass) + (changed ? " changed" : " kept"));
  };
  const std::array<std::string_view, 2> names = {"eliminate_dropout", "choose_kernels"};
  run_passes(*module, names, options);
  EXPECT_THAT(told, testing::ElementsAre("eliminate_dropout kept", "choose_kernels changed"));
}

} // namespace
} // namespace kiln::passes
