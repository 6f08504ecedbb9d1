// Experiment -> text that reads back as the same experiment.
// protobuf's printer, set to short lists and readable UTF-8.
#include "frontend/render.h"

#include <google/protobuf/text_format.h>

namespace kiln::frontend {

std::string render(const proto::Experiment& experiment) {
  google::protobuf::TextFormat::Printer printer;
  printer.SetUseShortRepeatedPrimitives(true);
  printer.SetUseUtf8StringEscaping(true);
  std::string text;
  printer.PrintToString(experiment, &text);
  return text;
}

} // namespace kiln::frontend
