"""The parts of a model card that are the same for every run."""

USE = """\
## Use

With keras-resattn installed, for the folder with this card:

```python
import keras_resattn

model = keras_resattn.load_model("FOLDER")
probabilities = model.predict(["photo.jpg"])  # (1, classes)
model.labels[probabilities[0].argmax()]
```

`keras.models.load_model("model.keras")` works only after `import keras_resattn`,
because Keras must know the layers. It gives the network alone, which takes
standardized pixels."""
CITATION = """\
## Citation

The paper of the Residual Attention Network:

```bibtex
@inproceedings{wang2017residual,
  title     = {Residual Attention Network for Image Classification},
  author    = {Wang, Fei and Jiang, Mengqing and Qian, Chen and Yang, Shuo and
               Li, Cheng and Zhang, Honggang and Wang, Xiaogang and Tang, Xiaoou},
  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition (CVPR)},
  year      = {2017}
}
```"""
LICENCE = """\
## Licence

The licence of the weights is not known. Ask the person who trained them. The code of
keras-resattn, which defines the network, is under Apache-2.0."""
