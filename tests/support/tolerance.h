// How far an emitted kernel may be from the reference: the one definition of tests that compare the two.
//
//     |emitted - reference| <= c sqrt(K) 2^-24 M + 2^-126
//
// M bounds the sum that the op computes, sum |x| |w|, and K counts its terms. Both come from the op's own reference: M
// from absolute operands and coefficients, K from ones. c = 8 covers polynomial functions of 3 ulp (6 x 2^-24) and sums
// whose roundings do not happen to cancel. Ops that only move or compare values have M = 0: they must agree exactly.
// Where M is not 0, kernels flush denormals, hence 2^-126.
#pragma once

#include "ir/evaluate.h"
#include "ir/graph.h"

#include <vector>

namespace kiln::test {

inline constexpr double kRoundings = 8;

struct ErrorBound {
  std::vector<ir::Tensor> magnitude; // M, per result (of an effect: per operand)
  std::vector<ir::Tensor> terms;     // K

  double at(size_t tensor, int64_t element) const;
};

// For a node applied to these operands, with the draws of seed and step.
ErrorBound error_bound(const ir::Node& node, const std::vector<ir::Tensor>& operands, uint64_t seed, uint64_t step);

// The reference of one node: its results, or, of an effect, its operands after it.
std::vector<ir::Tensor> evaluate_node(const ir::Node& node, const ir::Attributes& attributes,
                                      std::vector<ir::Tensor> operands, uint64_t seed, uint64_t step);

} // namespace kiln::test
