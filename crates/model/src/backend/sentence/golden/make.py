"""Makes the tiny model beside this file, and what a reference says its vectors are.

    python3 -m venv reference
    reference/bin/pip install torch sentence-transformers
    reference/bin/python make.py

The model is a BERT of Hugging Face's transformers with random weights and a tokenizer of Hugging Face's own,
written to disk by sentence-transformers, which also computes the vectors. Needs nothing from a model hub.
"""

import json
import random
import shutil
from pathlib import Path

import sentence_transformers
import torch
import transformers
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer import modules
from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import WordPiece

HERE = Path(__file__).parent
MODEL = HERE / "model"
SEED = 20
# More than a text of ours has to have to be cut, fewer than the model has places for.
TOKENS = 12
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "owl", "mouse", "hunt", "night", "by", "##s", "##ing", "cafe", ",", "?"]
TEXTS = [
    "Owl",
    "Owls hunt by night.",
    "OWLS, hunting mouse? caf\u00e9",
    "owl mouse hunt night by owl mouse hunt night by owl mouse hunt night by owl mouse",
    "",
]


def tokenizer():
    vocabulary = {word: number for number, word in enumerate(WORDS)}
    made = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=made,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
    )


def main():
    torch.manual_seed(SEED)
    random.seed(SEED)
    config = transformers.BertConfig(
        vocab_size=len(WORDS),
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=16,
        # As it comes weights would be so small that a layer left out would hardly show.
        initializer_range=0.6,
    )
    bert = transformers.BertModel(config, add_pooling_layer=False).eval()
    with torch.no_grad():
        for name, weight in bert.named_parameters():
            if name.endswith("bias") or "LayerNorm" in name:
                weight.add_(torch.randn_like(weight) * 0.3)
    shutil.rmtree(MODEL, ignore_errors=True)
    base = HERE / "base"
    bert.save_pretrained(base)
    tokenizer().save_pretrained(base)
    encoder = modules.Transformer(str(base), max_seq_length=TOKENS)
    pooling = modules.Pooling(8, pooling_mode="mean")
    model = SentenceTransformer(modules=[encoder, pooling, modules.Normalize()], device="cpu")
    vectors = model.encode(TEXTS, batch_size=1, convert_to_numpy=True)
    model.save(str(MODEL))
    shutil.rmtree(base)
    # As MiniLM's own file has it, which is for another program: whoever believes it cuts and pads at 4.
    path = MODEL / "tokenizer.json"
    said = json.loads(path.read_text())
    said["truncation"] = {"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0}
    said["padding"] = {
        "strategy": {"Fixed": 4},
        "direction": "Right",
        "pad_to_multiple_of": None,
        "pad_id": 0,
        "pad_type_id": 0,
        "pad_token": "[PAD]",
    }
    path.write_text(json.dumps(said))
    keep = [
        "1_Pooling/config.json",
        "config.json",
        "config_sentence_transformers.json",
        "model.safetensors",
        "modules.json",
        "sentence_bert_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    for path in sorted(MODEL.rglob("*"), reverse=True):
        name = path.relative_to(MODEL).as_posix()
        if path.is_file() and name not in keep:
            path.unlink()
        elif path.is_dir() and not any(path.iterdir()):
            path.rmdir()
    (HERE / "expected.json").write_text(
        json.dumps(
            {
                "made_by": {
                    "sentence-transformers": sentence_transformers.__version__,
                    "transformers": transformers.__version__,
                    "torch": torch.__version__,
                },
                "vectors": [
                    {"text": text, "vector": [round(float(x), 7) for x in vector]}
                    for text, vector in zip(TEXTS, vectors)
                ],
            },
            indent=1,
        )
        + "\n"
    )


if __name__ == "__main__":
    main()
