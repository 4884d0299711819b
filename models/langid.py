#!/usr/bin/python3
"""langid.py: train the language-identification example (langid.onnx) and test it.

    python3 models/langid.py                train, print the accuracy, write langid.onnx and its test vectors
    python3 models/langid.py --check        evaluate langid.onnx as it is, with ONNX Runtime (exit status 77 without it)
    python3 models/langid.py --messages     the same, on real text: the translated messages of the installed programs

The model reads the UTF-8 bytes of a line and says in which of nine languages it is written:

    text int32[T, 1] ─ Embedding(256, 16) ─ bidirectional GRU(64), last states ─ Linear ─ softmax ─ scores float[1, 9]

Lines are made, not collected: random words of Debian's word lists and, in training, of the short list of common words
below, with a random case, some commas and a full stop. One word in ten, chosen by a hash of its spelling and so in
every language at once, is never trained on: accuracy is measured on lines of those words alone, with no punctuation. A
word that several lists share is drawn for each of them, as it is in life.

A batch holds lines of one length in bytes, so there is no padding, and no mask in the exported graph.

Needs Debian 12's python3-torch (1.13) and python3-numpy, the word lists below, and for speed libopenblas0-pthread (six
times faster than the reference BLAS). Run with /usr/bin/python3; one core, six minutes. Deterministic: the same
packages on the same processor make the same file.
"""
import argparse, gettext, glob, io, os, re, struct, sys, time, warnings, zlib

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # one core, and one order of summation
try:
    import numpy as np
except ImportError:
    sys.exit("langid.py: no numpy; apt-get install python3-numpy, and run it with /usr/bin/python3")

HERE = os.path.dirname(os.path.abspath(__file__))
CASES = os.path.join(HERE, "..", "tests", "cases", "langid")
ONNX = os.path.join(HERE, "langid.onnx")
LINES = os.path.join(HERE, "langid_lines.txt")

LANGUAGES = [  # code, file in /usr/share/dict, encoding, Debian package; langid_main.c holds the codes in this order
    ("de", "ngerman", "utf-8", "wngerman"),
    ("en", "american-english", "utf-8", "wamerican"),
    ("es", "spanish", "utf-8", "wspanish"),
    ("fr", "french", "utf-8", "wfrench"),
    ("it", "italian", "utf-8", "witalian"),
    ("nl", "dutch", "utf-8", "wdutch"),
    ("pl", "polish", "utf-8", "wpolish"),
    ("pt", "portuguese", "utf-8", "wportuguese"),
    ("sv", "swedish", "iso-8859-1", "wswedish"),
]
CODES = [row[0] for row in LANGUAGES]
SEED, EMBED, HIDDEN, BATCH, STEPS, MAX_BYTES = 1, 16, 64, 128, 9000, 64

# Share of running text by word length in letters, 1 to 12, roughly that of Western European prose.
LENGTH_LAW = [.03, .17, .19, .15, .11, .09, .08, .06, .05, .03, .02, .02]

# The lists hold each word once, so they do not know that half of a text is a few dozen words. These are such, frequent
# ones first, written down from common knowledge. They are always trained on, and never part of the held-out words.
COMMON = {
    "de": "die der und in zu den das nicht von sie ist des sich mit dem dass er es ein ich auf so eine auch als an "
          "nach wie im für man aber aus durch wenn nur war noch werden bei hat wir was wird sein einen welche sind "
          "oder um haben einer mir über ihm diese einem ihr uns da zum kann doch vor dieser mich ihn du hatte seine "
          "mehr am denn nun unter sehr selbst schon hier bis alle keine kein wurde vom zur ob gegen habe können muss "
          "soll wo",
    "en": "the of and to a in is that it was for on with as be at by he this not are have from or his an they which "
          "you had but we were been their has there if would can who will one no so said her them all its what when "
          "up more do my out could about than into only other some your time these two may then she our any after "
          "over new such now because must how where did me him us very before should does here also just while "
          "between cannot",
    "es": "de la que el en y a los se del las un por con no una su para es al lo como más o pero sus le ha me si sin "
          "sobre este ya entre cuando todo esta ser son dos también fue había era muy años hasta desde está mi porque "
          "qué sólo han yo hay vez puede todos así nos ni parte tiene él uno donde bien tiempo mismo ese ahora cada "
          "vida otro después te otros aunque esa eso hace otra tan durante siempre día tanto ella tres sí sido casi "
          "ellos tienen estaba nada quien mucho",
    "fr": "de la le et les des en un du une que est pour qui dans a par plus pas au sur ne se ce il sont avec ou son "
          "aux mais nous comme cette on être fait tout je vous même ses elle été ces leur sans deux si bien peut "
          "entre était y ont aussi où après avant lui très encore tous sa avait faire dont depuis non cela moins "
          "contre ils donc peu toujours sous autre me mon alors trop quand rien notre votre ma te tu quelque ici dit "
          "car chez vers",
    "it": "di e che il la in a un per è non con una del si da i le al dei nel della sono gli lo alla più come ha ma o "
          "anche se delle ci suo dal nella stato sua tra questo essere ho era hanno quando fra fatto due cui dalla "
          "questa mi molto loro solo dopo prima degli chi ne tutti tutto così sul ancora perché poi già può ogni fare "
          "dove senza sulla quello mio noi lui lei ai alle cosa bene sempre stata io tu sia altri suoi mai niente "
          "contro hai",
    "nl": "de van het een en in is dat op te zijn met voor niet aan er om ook als dan maar bij of uit nog worden door "
          "naar heeft tot ze wordt over hij hebben deze was meer geen ik jaar kan we al dit wat wel men zo veel zich "
          "die onder zou moet waar na haar hem mijn nu kunnen werd had tegen twee wij zal hun je ons mij heb toch "
          "alleen niets alle omdat want goed weer ben doen gaan daar hier iets zonder tussen zelf u uw andere",
    "pl": "w i na z się do nie że to jest o a jak po od co przez dla ale za czy tym już tak tylko jego być był są "
          "może ze lub który ma oraz przed również tego ich pod bardzo która było gdy sobie mnie jej które jako przy "
          "ja ten by bo gdzie nic kiedy jeszcze mi można pan go więc także będzie między bez we nas nam ci tu tam ty "
          "on ona my wy te moja mój wszystko",
    "pt": "de a o que e do da em um para é com não uma os no se na por mais as dos como mas foi ao ele das tem à seu "
          "sua ou ser quando muito há nos já está eu também só pelo pela até isso ela entre era depois sem mesmo aos "
          "ter seus quem nas me esse eles estão você tinha foram essa num nem suas meu às minha têm numa pelos elas "
          "havia seja qual será nós tenho lhe deles pode onde vai são este esta bem nada dois ainda tudo assim vamos",
    "sv": "och i att det som en på är av för med den till inte har de om ett han men var jag sig från vi så kan när "
          "man hade nu skulle ska där efter eller också vid mot alla vara bara ut hon mer blir mycket upp dem under "
          "än kommer in få får över hur andra detta sin sina två vad då här år blev någon går skall min dig mig du er "
          "oss utan denna varit något ingen måste ni sedan ännu mellan varför alltid aldrig genom själv",
}
ALWAYS = {w for words in COMMON.values() for w in words.split()}


def held_out(word):
    """True for one spelling in ten, whatever its case and its elision or possessive (l'eau and eau fall together)."""
    stem = max(word.lower().split("'"), key=len)
    return zlib.crc32(stem.encode()) % 10 == 0 and stem not in ALWAYS


class Words:
    """The words of one list, held out (test) or not. `pick(rng, n)` draws n of them.

    In training every other line is drawn from the list, the rest as a text would be: a third of the words from COMMON,
    by Zipf's law, a third by LENGTH_LAW. A test has words of the list alone, each as likely as another.
    """

    def __init__(self, code, file, encoding, package, test):
        path = os.path.join("/usr/share/dict", file)
        if not os.path.exists(path):
            sys.exit(f"langid.py: no {path}; apt-get install {package}")
        word_re = re.compile(r"[^\W\d_]+('[^\W\d_]+)?" if not test else r"[^\W\d_]+")
        words = []
        with open(path, encoding=encoding) as f:
            for w in f.read().split("\n"):
                if not word_re.fullmatch(w) or held_out(w) != test:
                    continue
                if code == "de":  # German nouns have a capital; acronyms go
                    if w[1:] != w[1:].lower():
                        continue
                elif w != w.lower():  # elsewhere a capital means a name
                    continue
                words.append(w)
        n_of_length = np.bincount([len(w) for w in words], minlength=len(LENGTH_LAW) + 1)
        law = np.zeros(len(n_of_length))
        law[1:len(LENGTH_LAW) + 1] = LENGTH_LAW
        by_length = (law / np.maximum(n_of_length, 1))[[len(w) for w in words]]
        common = COMMON[code].split()
        zipf = 1 / np.arange(4, 4 + len(common))
        flat = np.concatenate([np.full(len(words), 1 / len(words)), 0 * zipf])
        text = np.concatenate([flat[:len(words)] + by_length / by_length.sum(), zipf / zipf.sum()]) / 3
        self.code, self.words = code, words + common
        self.laws = [np.cumsum(law) / law.sum() for law in ([flat] if test else [flat, text])]

    def pick(self, rng, n):
        law = self.laws[rng.integers(len(self.laws))]
        return [self.words[i] for i in np.searchsorted(law, rng.random(n) * law[-1], side="right")]


def styled(words, code, rng, test):
    """The words as a line: case, and in training elisions and punctuation too."""
    style, r = rng.random(), rng.random((3, len(words)))
    if not test:
        if code == "fr":  # the French list has few elisions, the Italian one has its own
            elided = ("l'", "d'", "qu'", "j'", "n'", "s'")
            words = [elided[int(24 * x)] + w if x < .25 and w[0] in "aeiouéèêâh" else w for w, x in zip(words, r[0])]
        words = [w + "," if x < .06 else str(int(x * 5e4) % 2030) if x > .99 else w for w, x in zip(words, r[1])]
    if style < .40:
        words = [w.lower() for w in words]
    elif style < .50:
        words = [w[:1].upper() + w[1:] if x < .3 else w for w, x in zip(words, r[2])]
    elif style < .55:
        words = [w.upper() for w in words]
    line = " ".join(words)
    if rng.random() < .5:
        line = line[:1].upper() + line[1:]
    if not test and rng.random() < .5:
        line = line.rstrip(",") + ".....!?:"[rng.integers(8)]
    return line


def make_lines(lists, rng, n, test=False):
    """n lines of 1 to 8 words as (bytes, language); in a test, of 20 to 40 characters and the languages in turn."""
    lines = []
    while len(lines) < n:
        k = len(lines) % len(lists) if test else int(rng.integers(len(lists)))
        line = styled(lists[k].pick(rng, int(rng.integers(1, 9))), lists[k].code, rng, test)
        if test and not 20 <= len(line) <= 40:
            continue
        lines.append((line.encode()[:MAX_BYTES], k))
    return lines


def batches(lines, size):
    """Batches of lines of equal byte length, as (text int32[T, B], language int64[B], the lines' indices)."""
    by_length = {}
    for i, (text, _) in enumerate(lines):
        by_length.setdefault(len(text), []).append(i)
    for _, idx in sorted(by_length.items()):
        for at in range(0, len(idx), size):
            part = idx[at:at + size]
            text = np.array([np.frombuffer(lines[i][0], np.uint8) for i in part]).T.astype(np.int32)
            yield text, np.array([lines[i][1] for i in part]), part


def messages():
    """Real text to test on: the translated messages of the programs that are installed here, as (bytes, language)."""
    text_re, rng, lines = re.compile(r"[^\W\d_](?:[^\W\d_]|[ ,.;:!?'¿¡])*"), np.random.default_rng(SEED), []
    for k, code in enumerate(CODES):
        found = set()
        for path in glob.glob(f"/usr/share/locale/{'de' if code == 'en' else code}/LC_MESSAGES/*.mo"):
            if "iso_" in path:  # names of countries and languages
                continue
            with open(path, "rb") as f:
                try:
                    catalog = gettext.GNUTranslations(f)._catalog
                except (OSError, ValueError):
                    continue
            for original, translated in catalog.items():
                original = original[0] if isinstance(original, tuple) else original
                line = original if code == "en" else translated
                if original == translated or not 20 <= len(line) <= 60 or line.count(" ") < 3:
                    continue
                if text_re.fullmatch(line):
                    found.add(line)
        found = sorted(found)
        lines += [(found[i].encode(), k) for i in rng.permutation(len(found))[:400]]
    return lines


def natural():
    """The sentences of langid_lines.txt as (bytes, language)."""
    with open(LINES, "rb") as f:
        return [(text, CODES.index(code.decode())) for code, text in (line.rstrip(b"\n").split(b"\t") for line in f)]


def report(title, lines, predict):
    """Print the accuracy of predict(lines) -> languages, per language and in total."""
    said, right = predict(lines), np.array([k for _, k in lines])
    print(f"{title}: {len(lines)} lines, {100 * np.mean(said == right):.2f} % right")
    for k, code in enumerate(CODES):
        mine = right == k
        if mine.any():
            counts = np.bincount(said[mine], minlength=len(CODES))
            wrong = ", ".join(f"{c} {n}" for c, n in zip(CODES, counts) if n and c != code)
            print(f"  {code} {100 * counts[k] / mine.sum():6.2f} % of {mine.sum()}"
                  + (f"   (taken for {wrong})" if wrong else ""))
    sys.stdout.flush()


def test_lines():
    """1000 lines of held-out words of each language."""
    lists = [Words(*row, test=True) for row in LANGUAGES]
    return make_lines(lists, np.random.default_rng(SEED + 1), 1000 * len(CODES), test=True)


# Protocol buffers, as much of them as an ONNX file needs.

def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out) + bytes([n])


def field(number, value):
    """One field: an int as a varint, bytes and text with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def fields(message):
    """The fields of a message as (number, value); fixed-width ones as (number, None, their bytes)."""
    at = 0

    def read():
        nonlocal at
        n = shift = 0
        while True:
            byte = message[at]
            at += 1
            n |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return n
    while at < len(message):
        start, key = at, read()
        if key & 7 == 0:
            yield key >> 3, read(), b""
        elif key & 7 == 2:
            size = read()
            yield key >> 3, message[at:at + size], b""
            at += size
        else:
            at += 8 if key & 7 == 1 else 4
            yield key >> 3, None, message[start:at]


def tensor_proto(name, array):
    """TensorProto: 1 dims, 2 data_type (1 float, 6 int32), 8 name, 9 raw_data."""
    return (b"".join(field(1, d) for d in array.shape) + field(2, {"float32": 1, "int32": 6}[str(array.dtype)])
            + field(8, name) + field(9, array.tobytes()))


def renamed(message, kind, names):
    """The message with its values renamed. The rows say in which fields of which message the names are."""
    inside = {"model": {7: "graph"}, "graph": {1: "node", 5: "tensor", 11: "info", 12: "info", 13: "info"}}
    inside = inside.get(kind, {})
    name_fields = {"node": (1, 2, 3), "tensor": (8,), "info": (1,), "graph": (2,)}.get(kind, ())
    out = b""
    for number, value, raw in fields(message):
        if number in inside:
            value = renamed(value, inside[number], names)
        elif number in name_fields:
            value = names(value.decode())
        out += raw if value is None else field(number, value)
    return out


def tidy(model):
    """torch's names made plain: "/net/out/Gemm_output_0" becomes out.Gemm, the GRU's weights gru.W, gru.R and gru.B."""
    graph = next(v for n, v, _ in fields(model) if n == 7)
    gru = {}
    for number, node, _ in fields(graph):
        parts = list(fields(node)) if number == 1 else []
        if (4, b"GRU", b"") in parts:
            inputs = [v.decode() for n, v, _ in parts if n == 1]
            gru = {inputs[1]: "gru.W", inputs[2]: "gru.R", inputs[3]: "gru.B"}
            gru.update(zip([v.decode() for n, v, _ in parts if n == 2], ("gru.Y", "gru.Y_h")))

    def names(name):
        name = gru.get(name, "langid" if name == "torch_jit" else name)
        return re.sub(r"_output_0$|^onnx::|^/?net[./]|^/", "", name).replace("/", ".")
    metadata = {"languages": ",".join(CODES), "description": "language of a line of UTF-8 bytes; see langid.md"}
    return renamed(model, "model", names) + b"".join(field(14, field(1, k) + field(2, v)) for k, v in metadata.items())


def train(steps):
    try:
        import torch
    except ImportError:
        sys.exit("langid.py: no torch; apt-get install python3-torch, and run it with /usr/bin/python3")
    nn = torch.nn
    with open("/proc/self/maps") as f:
        if "openblas" not in f.read():
            print("langid.py: this BLAS is six times slower than libopenblas0-pthread; install that", file=sys.stderr)
    torch.set_num_threads(1)
    torch.manual_seed(SEED)

    class LangId(nn.Module):
        """int32[T, B] bytes to [B, languages] logits. The GRU's initial state is learned."""

        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(256, EMBED)
            self.gru = nn.GRU(EMBED, HIDDEN, bidirectional=True)
            self.h0 = nn.Parameter(torch.zeros(2, 1, HIDDEN))
            self.out = nn.Linear(2 * HIDDEN, len(CODES))

        def forward(self, text):
            h0 = self.h0 if text.shape[1] == 1 else self.h0.repeat(1, text.shape[1], 1)
            _, h = self.gru(self.embed(text), h0)
            return self.out(torch.cat([h[0], h[1]], 1))

    class Scores(nn.Module):
        """What is exported: probabilities."""

        def __init__(self, net):
            super().__init__()
            self.net = net

        def forward(self, text):
            return self.net(text).softmax(-1)

    net = LangId()
    lists, rng = [Words(*row, test=False) for row in LANGUAGES], np.random.default_rng(SEED)
    print("words to train on: " + ", ".join(f"{w.code} {len(w.words)}" for w in lists), flush=True)
    optimiser = torch.optim.Adam(net.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-2, total_steps=steps, pct_start=.1)
    start, step, mean_loss = time.time(), 0, 0.
    while step < steps:
        pool = [b for b in batches(make_lines(lists, rng, 65536), BATCH) if len(b[1]) >= BATCH // 4]
        for i in rng.permutation(len(pool))[:steps - step]:
            loss = nn.functional.cross_entropy(net(torch.from_numpy(pool[i][0])), torch.from_numpy(pool[i][1]))
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.)
            optimiser.step()
            schedule.step()
            step, mean_loss = step + 1, mean_loss + .01 * (loss.item() - mean_loss)
            if step % 1000 == 0:
                print(f"step {step} of {steps}: loss {mean_loss:.3f}, {time.time() - start:.0f} s", flush=True)
    del lists
    print(f"trained in {time.time() - start:.0f} s; {sum(p.numel() for p in net.parameters())} parameters")

    model = Scores(net).eval()
    for p in model.parameters():
        p.requires_grad_(False)

    def predict(lines):
        said = np.zeros(len(lines), int)
        for text, _, at in batches(lines, 512):
            said[at] = net(torch.from_numpy(text)).argmax(1).numpy()
        return said
    report("held-out words", test_lines(), predict)
    report("langid_lines.txt", natural(), predict)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file = io.BytesIO()
        torch.onnx.export(model, (torch.zeros(7, 1, dtype=torch.int32),), file, opset_version=14,
                          input_names=["text"], output_names=["scores"], dynamic_axes={"text": {0: "T"}})
    with open(ONNX, "wb") as f:
        f.write(tidy(file.getvalue()))
    print(f"wrote {ONNX}: {os.path.getsize(ONNX)} bytes")

    for k, line in enumerate([b"x", natural()[6][0], " ".join(["Zażółć gęślą jaźń"] * 8).encode()]):
        text = np.frombuffer(line, np.uint8).astype(np.int32)[:, None]
        folder = os.path.join(CASES, f"test_data_set_{k}")
        os.makedirs(folder, exist_ok=True)
        scores = model(torch.from_numpy(text)).numpy()
        for name, file, array in (("text", "input_0.pb", text), ("scores", "output_0.pb", scores)):
            with open(os.path.join(folder, file), "wb") as f:
                f.write(tensor_proto(name, array))
    print(f"wrote {os.path.normpath(CASES)}/test_data_set_0..2")


def check(real_text):
    try:
        import onnxruntime
    except ImportError:
        print("skipped: langid.py --check: onnxruntime is not installed")
        sys.exit(77)  # "skipped", to CTest
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(ONNX, options, providers=["CPUExecutionProvider"])

    def scores(line):
        return session.run(None, {"text": np.frombuffer(line, np.uint8).astype(np.int32)[:, None]})[0]
    worst = 0.
    for folder in sorted(glob.glob(os.path.join(CASES, "test_data_set_*"))):
        arrays = []
        for file, dtype in (("input_0.pb", np.int32), ("output_0.pb", np.float32)):
            with open(os.path.join(folder, file), "rb") as f:
                arrays.append(np.frombuffer(next(v for n, v, _ in fields(f.read()) if n == 9), dtype))
        worst = max(worst, np.abs(scores(arrays[0].astype(np.uint8).tobytes())[0] - arrays[1]).max())
    print(f"test vectors of torch: largest difference {worst:.1e}")

    def predict(lines):
        return np.array([scores(line).argmax() for line, _ in lines])
    if real_text:
        report("messages of the installed programs", messages(), predict)
    else:
        report("held-out words", test_lines(), predict)
        report("langid_lines.txt", natural(), predict)
    if worst > 1e-5:
        sys.exit("langid.py: torch and ONNX Runtime disagree")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Train the language-identification example; the file's head says how.")
    parser.add_argument("--check", action="store_true", help="evaluate langid.onnx with ONNX Runtime instead")
    parser.add_argument("--messages", action="store_true", help="as --check, on messages of the installed programs")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"training steps ({STEPS})")
    args = parser.parse_args()
    if args.check or args.messages:
        check(args.messages)
    else:
        train(args.steps)
