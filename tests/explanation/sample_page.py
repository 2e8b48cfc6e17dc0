"""A page made by hand with every kind of block and node, for the tests of printers."""

from clearprop.explanation.formulas import (
    Fraction,
    Grid,
    Group,
    Label,
    Lines,
    Number,
    Row,
    Script,
    Stack,
    Symbol,
    Total,
    called,
    plus,
    product,
    row,
    sign,
)
from clearprop.explanation.pages import (
    Blank,
    Bullets,
    Check,
    Column,
    Details,
    Math,
    Note,
    Page,
    Paragraph,
    Picture,
    Section,
    Span,
    Table,
    Text,
    plain,
)
from clearprop.explanation.scenes.scene import Circle, Heat, Line, Scene, Words

TEXTS = {
    "en": {
        "title": "Every number accounted for",
        "lead": "The network 2-2-2 on one sample. The page takes the weight w1 apart.",
        "chain": "How the loss changes with w1",
        "plain": "The loss changes by ",
        "rest": " times as much as w1 does, because w1 acts through h1 on both outputs.",
        "matrix": "The deltas of the hidden layer",
        "unit": "unit",
        "value": "value",
        "check": "Σ paths 0.000438568 = gradient used in the update 0.000438568",
        "wrong": "Σ paths 1 = gradient used in the update 2",
        "more": "All four paths, one below the other",
        "note": "Biases are held fixed in this example.",
        "warning": "The sum of the weights is almost zero: in proportion, nothing can be shared.",
        "picture": "From x1 into h1: the signal forward, the error backward.",
        "answer": "Compute δ of h1",
        "bullet": "δ is computed once and used by every weight into the unit",
    },
    "zh": {
        "title": "每一个数字的来历",
        "lead": "网络 2-2-2 处理一个样本。本页逐步拆解权重 w1。",
        "chain": "损失随 w1 如何变化",
        "plain": "w1 变化一点，损失的变化是它的 ",
        "rest": " 倍，因为 w1 经由 h1 同时影响两个输出。",
        "matrix": "隐藏层的 δ",
        "unit": "神经元",
        "value": "数值",
        "check": "Σ 路径 0.000438568 = 更新所用的梯度 0.000438568",
        "wrong": "Σ 路径 1 = 更新所用的梯度 2",
        "more": "全部四条路径，逐条列出",
        "note": "本例中偏置保持不变。",
        "warning": "权重之和几乎为零：无法按比例分配误差。",
        "picture": "从 x1 到 h1：信号前向传播，误差反向传播。",
        "answer": "求 h1 的 δ",
        "bullet": "δ 只计算一次，供进入该神经元的每个权重使用",
    },
}


def partial(of: str, by: str, **marks: str) -> Fraction:
    """∂of/∂by."""
    return Fraction(Symbol(f"∂{of}"), Symbol(f"∂{by}"), **marks)


def chain() -> Row:
    """The chain rule of w1 of the worked 2-2-2 network, with its numbers below."""
    return row(
        Stack(partial("E", "w1"), Number(0.000438568), role="update", key="g1.0.0"),
        sign("="),
        Stack(Symbol("a", "i1"), Number(0.05), role="signal", key="a0.0"),
        sign("·"),
        Stack(called(Symbol("f′"), Symbol("z", "h1")), Number(0.241300709), key="f1.0"),
        sign("·"),
        Group(
            row(
                Stack(Symbol("w", "5"), Number(0.4), role="positive", key="w2.0.0"),
                sign("·"),
                Stack(Symbol("δ", "o1"), Number(0.138498562), role="error", key="d2.0"),
                sign("+"),
                Stack(Symbol("w", "7"), Number(0.5), role="positive", key="w2.1.0"),
                sign("·"),
                Stack(Symbol("δ", "o2"), Number(-0.038098236), role="error", key="d2.1"),
            )
        ),
        sign("="),
        Number(0.000438568),
    )


def lines() -> Lines:
    """A sum over several lines."""
    return Lines(
        (
            (
                Symbol("z", "1", "(2)"),
                sign("="),
                Total(Symbol("k"), product([Symbol("w", "1k"), Symbol("a", "k")])),
                Row(()),
            ),
            (
                Row(()),
                sign("="),
                plus(
                    [
                        product([Number(0.4), Number(0.5932)]),
                        product([Number(-0.45), Number(0.5968)]),
                        Number(-0.6),
                    ]
                ),
                Label("h1"),
            ),
            (Row(()), sign("="), Number(-1.105905967e-4, key="z2.0"), Row(())),
        )
    )


def matrix() -> Row:
    """A product of matrices with labels."""
    return row(
        Script(Symbol("W"), sup=Symbol("T")),
        Symbol("δ"),
        sign("="),
        Grid(
            (
                (Number(0.4, key="w2.0.0"), Number(0.5, key="w2.1.0")),
                (Number(-0.45, key="w2.0.1", role="negative"), Number(0.55, key="w2.1.1")),
            ),
            ("h1", "h2"),
            ("o1", "o2"),
        ),
        Grid(((Number(0.138498562, key="d2.0"),), (Number(-0.038098236, key="d2.1"),))),
        sign("⊙"),
        Group(
            Fraction(
                Number(1.0),
                plus([Number(1.0), Script(Symbol("e"), sup=row(sign("−"), Symbol("z")))]),
            )
        ),
    )


def scene() -> Scene:
    """A small picture."""
    return Scene(
        420,
        160,
        (
            Line(70, 80, 330, 80, role="positive", width=3, key="w1.0.0", title="w1 = 0.15"),
            Line(330, 96, 70, 96, role="error", arrow=True, key="d1.0", title="δ"),
            Circle(70, 80, 24, role="ink", fill="ground", key="a0.0"),
            Circle(330, 80, 24, role="ink", fill="ground", key="z1.0"),
            Words(70, 85, "x1", key="a0.0"),
            Words(330, 85, "h1", key="z1.0"),
            Heat(370, 60, 40, 40, ((-1.0, 0.0), (0.5, 1.0))),
        ),
        "x1 → h1",
        "x1 → h1, w1 = 0.15",
    )


def sample_page(lang: str = "en") -> Page:
    """Return the page in a language."""
    say = TEXTS[lang]
    table = Table(
        (
            Column(plain(say["unit"])),
            Column((Symbol("δ"),), "right"),
            Column(plain(say["value"]), "right"),
        ),
        tuple(
            (
                (Span(f"h1.{n}", "code"),),
                (Number(value, key=f"d1.{n}"),),
                (Span("−0.0381", "negative", f"d1.{n}", "-0.038098236"),),
            )
            for n, value in enumerate((0.00877, -3.2e-5, 123456.0))
        ),
        plain(say["matrix"]),
    )
    text: Text = (
        Span(say["plain"]),
        Span("0.0004386", "strong", "g1.0.0", "0.000438568"),
        Span(say["rest"]),
        Symbol("δ", "h1", key="d1.0", role="error"),
    )
    return Page(
        plain(say["title"]),
        plain(say["lead"]),
        (
            Section(
                "chain",
                plain(say["chain"]),
                (
                    Paragraph(text),
                    Picture(scene(), plain(say["picture"])),
                    Math(chain()),
                    Check(plain(say["check"]), True),
                    Check(plain(say["wrong"]), False),
                    Details(plain(say["more"]), (Math(lines()), table)),
                ),
            ),
            Section(
                "deltas",
                plain(say["matrix"]),
                (
                    Bullets(
                        (plain(say["bullet"]), (Symbol("δ", "1", "(2)"), Span(" = "), Number(-0.5)))
                    ),
                    Math(matrix()),
                    table,
                    Note(plain(say["note"])),
                    Note(plain(say["warning"]), "warning"),
                    Blank(plain(say["answer"])),
                ),
            ),
        ),
        lang,
    )
