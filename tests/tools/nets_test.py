"""examples/nets: what `kiln check` says of them is what has been published of them.

`kiln check` counts 2 FLOPs for a multiply-add, and also what biases, normalisation and activations take. Published
figures count multiply-adds of convolutions and dense layers alone (torchvision calls them GFLOPS), so those are compared:
each such layer's FLOPs must be twice its multiply-adds, plus one for each value if it has a bias. Parameters are weights
and biases, scales and shifts of batch norm, and not its running statistics: so does everybody count.
"""

import concurrent.futures
import glob
import math
import os
import unittest

from support import SOURCE_DIR, ToolTest

TORCHVISION = "torchvision, Weights.meta of the model: num_params, _ops"
PEER = "no publication; torch.nn modules of the same shapes, counted by hooks"

# Name: lines at most, parameters, multiply-adds, the published figure of the latter in 1e9 with its digits, source.
NETS = {
    "lenet": (120, 431080, 2293000, "0.0023", "Caffe, examples/mnist/lenet_train_test.prototxt; Netscope: 2.29 M"),
    "caffenet": (120, 60965224, 724406816, "0.724", "Caffe, models/bvlc_reference_caffenet; Netscope: 60.97 M, 724.41 M"),
    "googlenet": (120, 6998552, 1582671872, "1.583",
                  "Caffe, models/bvlc_googlenet without what only training needs; Netscope: 7.00 M, 1.58 G"),
    "unet": (120, 31030658, 192384335872, "192.384", PEER),
    "nin": (120, 966986, 222486528, "0.222", PEER),
    "vgg_small": (120, 3248202, 154866688, "0.155", PEER),
    "vgg16": (120, 138357544, 15470264320, "15.470", TORCHVISION),
    "resnet18": (79, 11689512, 1814073344, "1.814", TORCHVISION),
    "resnet50": (119, 25557032, 4089184256, "4.089", TORCHVISION),
    "mobilenet_v1": (120, 4231976, 568740352, "0.569", "the paper's table 8: 4.2 M parameters, 569 M mult-adds"),
    "mobilenet_v2": (119, 3504872, 300774272, "0.301", TORCHVISION),
    "squeezenet": (120, 1248424, 818924576, "0.819", TORCHVISION),
    "densenet121": (119, 7978856, 2834161664, "2.834", TORCHVISION),
}
WEIGHTED = {"convolution", "depthwise_convolution", "transposed_convolution", "dense"}


def multiply_adds(layer, previous):
    """Of a layer with weights; None if its FLOPs are not what its parameters ask for."""
    positions = math.prod(layer["output"][1:])
    # A transposed convolution takes each position of its input to a kernel of its output.
    walked = math.prod(previous["output"][1:]) if layer["kind"] == "transposed_convolution" else positions
    for bias in (0, layer["output"][0]):
        count = (layer["parameters"] - bias) * walked
        if layer["flops"] == 2 * count + bias * positions:
            return count
    return None


def weighted_counts(layers):
    """Of what the network predicts with: layers that only training needs have no output."""
    return [multiply_adds(layer, previous) for previous, layer in zip([None] + layers, layers)
            if layer["kind"] in WEIGHTED and layer["output"]]


class Nets(ToolTest):
    def test_each_is_here(self):
        names = {os.path.splitext(os.path.basename(path))[0] for path in glob.glob(f"{SOURCE_DIR}/examples/nets/*")}
        self.assertEqual(names, set(NETS))

    def test_figures_are_the_published_ones(self):
        def check(name):
            return name, self.kiln("check", f"{SOURCE_DIR}/examples/nets/{name}.textproto", "--json").json()

        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for name, facts in pool.map(check, NETS):
                lines, parameters, expected, published, source = NETS[name]
                with self.subTest(name):
                    self.assertEqual(facts["diagnostics"], [])
                    self.assertEqual(facts["totals"]["parameters"], parameters, source)
                    counts = weighted_counts(facts["layers"])
                    self.assertNotIn(None, counts)
                    self.assertEqual(sum(counts), expected, source)
                    digits = len(published.split(".")[1])
                    self.assertEqual(f"{sum(counts) / 1e9:.{digits}f}", published, source)
                    # What else takes FLOPs is little beside them.
                    rest = facts["totals"]["flops_per_sample"] - 2 * sum(counts)
                    self.assertGreater(rest, 0)
                    self.assertLess(rest, 0.1 * facts["totals"]["flops_per_sample"])
                    with open(f"{SOURCE_DIR}/examples/nets/{name}.textproto", encoding="utf-8") as file:
                        self.assertLessEqual(len(file.readlines()), lines)

    def test_rendered_without_blocks_they_are_the_same(self):
        path = f"{SOURCE_DIR}/examples/nets/densenet121.textproto"
        rendered = self.kiln("render", path).out
        self.assertNotIn("block {", rendered)
        again = self.write("densenet121.textproto", rendered)
        self.assertEqual(self.kiln("render", again).out, rendered)
        self.assertEqual(self.kiln("show", again, "--function", "predict").out,
                         self.kiln("show", path, "--function", "predict").out)


if __name__ == "__main__":
    unittest.main()
