// Plain values about data sets that readers, probes and scans share.
#include "runtime/data_facts.h"

namespace kiln::runtime {

const char* name_of(Split split) {
  switch (split) {
  case Split::train:
    return "train";
  case Split::validation:
    return "validation";
  case Split::test:
    return "test";
  }
  return "";
}

} // namespace kiln::runtime
