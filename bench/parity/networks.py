"""The networks of the comparison in PyTorch, as people write them there: Caffe's LeNet, network in network, a small
VGG, ResNet-18, MobileNet v1. Shapes and the order of parameters are those of the experiments that Kiln runs."""
import torch
from torch import nn
from torch.nn import functional as F


def lenet(classes=10):
    return nn.Sequential(nn.Conv2d(1, 20, 5), nn.MaxPool2d(2, 2), nn.Conv2d(20, 50, 5), nn.MaxPool2d(2, 2), nn.Flatten(),
                         nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, classes))


def nin(classes=10, drop=0.0):
    def block(inputs, outputs, kernel, padding, second, third):
        return [nn.Conv2d(inputs, outputs, kernel, padding=padding), nn.ReLU(), nn.Conv2d(outputs, second, 1), nn.ReLU(),
                nn.Conv2d(second, third, 1), nn.ReLU()]

    return nn.Sequential(*block(3, 192, 5, 2, 160, 96), nn.MaxPool2d(3, 2, ceil_mode=True), nn.Dropout(drop),
                         *block(96, 192, 5, 2, 192, 192), nn.AvgPool2d(3, 2, ceil_mode=True), nn.Dropout(drop),
                         *block(192, 192, 3, 1, 192, classes), nn.AvgPool2d(8), nn.Flatten())


def vgg_small(classes=10, drop=0.0):
    layers, inputs = [], 3
    for width in [64, 64, 0, 128, 128, 0, 256, 256, 0]:
        if width == 0:
            layers.append(nn.MaxPool2d(2, 2))
        else:
            layers += [nn.Conv2d(inputs, width, 3, padding=1), nn.ReLU()]
            inputs = width
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(4096, 512), nn.ReLU(), nn.Dropout(drop),
                         nn.Linear(512, classes))


class BasicBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.shortcut = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.relu1, self.relu2 = nn.ReLU(), nn.ReLU()

    def forward(self, x):
        y = self.relu1(self.norm1(self.conv1(x)))
        return self.relu2(self.norm2(self.conv2(y)) + self.shortcut(x))


def resnet18(classes=1000):
    layers = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    inputs = 64
    for outputs, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        layers += [BasicBlock(inputs, outputs, stride), BasicBlock(outputs, outputs, 1)]
        inputs = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, classes))


def mobilenet_v1(classes=1000):
    layers = [nn.Conv2d(3, 32, 3, 2, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU()]
    for inputs, outputs, stride in ((32, 64, 1), (64, 128, 2), (128, 128, 1), (128, 256, 2), (256, 256, 1),
                                    (256, 512, 2), *[(512, 512, 1)] * 5, (512, 1024, 2), (1024, 1024, 1)):
        layers += [nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False), nn.BatchNorm2d(inputs), nn.ReLU(),
                   nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1024, classes))


def named_tensors(net):
    """(kind, tensor) of every layer in order, by the roles that Kiln names them after."""
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            yield "weight", module.weight
            if module.bias is not None:
                yield "bias", module.bias
        elif isinstance(module, nn.BatchNorm2d):
            yield "scale", module.weight
            yield "shift", module.bias
            yield "mean", module.running_mean
            yield "variance", module.running_var


def dropouts(net):
    return [module for module in net.modules() if isinstance(module, (nn.Dropout, FixedDropout))]


class FixedDropout(nn.Module):
    """Multiplies by a mask that is given."""

    def __init__(self):
        super().__init__()
        self.mask = torch.ones(1)

    def forward(self, x):
        return x * self.mask.to(x.dtype).reshape(x.shape) if self.training else x


def fix_dropout(net):
    """Puts FixedDropout in the place of every dropout of a Sequential."""
    for i, module in enumerate(net):
        if isinstance(module, nn.Dropout):
            net[i] = FixedDropout()
    return net


class Decided(nn.Module):
    """What decides element by element, by decisions that are given in training: those of whoever had the values `given`."""

    def __init__(self):
        super().__init__()
        self.given, self.x = None, None

    def gaps(self, values):
        """How far from a tie the operand is, of the layer's mean magnitude, wherever `values` decide otherwise."""
        gaps = self.distances(values.reshape(self.x.shape))
        return (gaps / self.x.abs().mean()).double().tolist()


class DecidedReLU(Decided):
    """Passes what is positive in `given`."""

    def forward(self, x):
        if not self.training:
            return F.relu(x)
        self.x = x.detach()
        return x * (self.given.reshape(x.shape) > 0).to(x.dtype)

    def distances(self, values):
        return self.x.abs()[(values > 0) != (self.x > 0)]


class DecidedMaxPool(Decided):
    """Takes from each window the first element that is largest in `given`."""

    def __init__(self, pool):
        super().__init__()
        self.options = (pool.kernel_size, pool.stride, pool.padding, 1, pool.ceil_mode)

    def forward(self, x):
        if not self.training:
            return F.max_pool2d(x, *self.options)
        self.x = x.detach()
        return self.taken(x, self.given.reshape(x.shape))

    def taken(self, x, values):
        _, where = F.max_pool2d(values, *self.options, return_indices=True)
        return x.flatten(2).gather(2, where.flatten(2)).reshape(where.shape)

    def distances(self, values):
        missed = F.max_pool2d(self.x, *self.options) - self.taken(self.x, values)
        return missed[missed > 0]


def decide(net):
    """Puts modules that take decisions in the place of every rectifier and max pooling."""
    for parent in list(net.modules()):
        for name, module in parent.named_children():
            if isinstance(module, nn.ReLU):
                setattr(parent, name, DecidedReLU())
            elif isinstance(module, nn.MaxPool2d):
                setattr(parent, name, DecidedMaxPool(module))
    return net


def decisions(net):
    """What `decide` put in, in order of use."""
    return [module for module in net.modules() if isinstance(module, Decided)]
