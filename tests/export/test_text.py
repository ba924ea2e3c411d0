"""Other libraries' reports become one line that says what is wrong."""

from tunemagic.export.text import converter_reason, error_text, lacks_form


def test_colours_and_line_breaks_are_dropped_and_long_text_is_cut():
    assert error_text(ValueError("\x1b[1mshape\x1b[0m\n  is wrong")) == "shape is wrong"
    assert error_text(ValueError("x" * 300)) == "x" * 199 + "…"


def test_the_operation_without_a_tf_lite_form_is_named():
    report = (
        'loc(fused["Betainc:", "model/Betainc"]): error: \'tf.Betainc\' op is neither a custom op nor a flex op\n'
        "error: failed while converting: 'main': \nSome ops are not supported by the native TFLite runtime"
    )
    assert converter_reason(report) == "operation tf.Betainc has no TF Lite form; replace the layer that uses it."
    assert lacks_form(report)


def test_else_the_line_with_the_error_stands_without_its_location():
    assert (
        converter_reason("one\nloc(\"x\")): error: 'tfl.add' op: bad operand\ntwo")
        == "error: 'tfl.add' op: bad operand"
    )
    assert converter_reason("Unknown layer\ntwo") == "Unknown layer"
    assert converter_reason("") == "no reason given"
