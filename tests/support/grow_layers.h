// The ways to grow a network, one small function an op: each adds a layer, or returns false where nothing fits it.
#pragma once

namespace kiln::test {

class Growth;

// grow_weighted.cpp: layers with states
bool grow_conv2d(Growth& net);
bool grow_conv_transpose2d(Growth& net);
bool grow_dense(Growth& net);
bool grow_bias(Growth& net);
bool grow_batch_norm(Growth& net);
bool grow_prelu(Growth& net);

// grow_pointwise.cpp
bool grow_relu(Growth& net);
bool grow_leaky_relu(Growth& net);
bool grow_elu(Growth& net);
bool grow_sigmoid(Growth& net);
bool grow_tanh(Growth& net);
bool grow_clip(Growth& net);
bool grow_selu(Growth& net);
bool grow_gelu(Growth& net);
bool grow_silu(Growth& net);
bool grow_hard_swish(Growth& net);
bool grow_hard_sigmoid(Growth& net);
bool grow_softplus(Growth& net);
bool grow_rrelu(Growth& net);
bool grow_dropout(Growth& net);
bool grow_add(Growth& net);

// grow_shapes.cpp: windows, rows and rearrangements
bool grow_max_pool(Growth& net);
bool grow_average_pool(Growth& net);
bool grow_lrn(Growth& net);
bool grow_resize(Growth& net);
bool grow_softmax(Growth& net);
bool grow_log_softmax(Growth& net);
bool grow_reshape(Growth& net);
bool grow_concat(Growth& net);
bool grow_slice(Growth& net);

// grow_arithmetic.cpp
bool grow_negate(Growth& net);
bool grow_abs(Growth& net);
bool grow_exp(Growth& net);
bool grow_log(Growth& net);
bool grow_sqrt(Growth& net);
bool grow_reciprocal(Growth& net);
bool grow_subtract(Growth& net);
bool grow_multiply(Growth& net);
bool grow_maximum(Growth& net);
bool grow_minimum(Growth& net);
bool grow_divide(Growth& net);
bool grow_scale(Growth& net);
bool grow_reduce_mean(Growth& net);
bool grow_reduce_sum(Growth& net);
bool grow_expand(Growth& net);
bool grow_pad(Growth& net);
bool grow_transpose(Growth& net);

// grow_losses.cpp: from the last feature to the function's outputs
void grow_head(Growth& net);

} // namespace kiln::test
