/* accepted.c: the element types that ONNX's schemas allow, in all versions of an operator together: what no version allows is
 * refused by name, even where the operator's importer could make something of it.
 *
 * A letter for each input, the last one for all that follow.  Source: the operators' documentation, opset 1 to 28.
 */
#include "frontend/onnx/model.h"

#include <string.h>

static const struct {
	const char *inputs, *ops;
} accepted[] = {
	{"..X", "TensorScatter"},
	{"..x", "SequenceInsert"},
	{".F.", "DequantizeLinear"},
	{".X", "Col2Im Expand GatherND ReduceMax ReduceMin Reshape ReverseSequence Squeeze Trilu Unsqueeze"},
	{".X.", "ScatterND"},
	{".X.x", "Pad"},
	{".b", "Compress"},
	{".f", "GridSample Upsample"},
	{".ffX", "Resize"},
	{".w", "Split Tile"}, /* some writers have Tile's axis, of opset 1, as an integer */
	{".x", "CenterCropPad Gather GatherElements SequenceAt SequenceErase Slice SplitToSequence"},
	{".x.", "Scatter ScatterElements"},
	{"F", "IsInf IsNaN"},
	{"FFb", "Dropout"},
	{"X", "ConstantOfShape"},
	{"Xb.", "Loop"},
	{"a", "BitCast"},
	{"b", "And If Not Or Xor"},
	{"b.", "Where"},
	{"f",
		"Acos Acosh Asin Asinh Atan Atanh AveragePool BatchNormalization Bernoulli CausalConvWithState "
		"Ceil Celu Conv ConvTranspose Cos Cosh DeformConv Det DynamicQuantizeLinear Elu Exp Floor Gelu "
		"GlobalAveragePool GlobalLpPool GlobalMaxPool GroupNormalization HardSigmoid HardSwish Hardmax "
		"InstanceNormalization LRN LayerNormalization LeakyRelu LinearAttention Log LogSoftmax "
		"LpNormalization LpPool MaxRoiPool Mean MeanVarianceNormalization Mish Multinomial "
		"RMSNormalization Reciprocal Round Selu Sigmoid Sin Sinh Softmax Softplus Softsign Sqrt Sum "
		"SwiGLU Swish Tan Tanh ThresholdedRelu"},
	{"fX", "AffineGrid MaxUnpool"},
	{"ffX", "RoiAlign"},
	{"ffXf", "NonMaxSuppression"},
	{"fff.ffX", "Attention"},
	{"fffX", "RotaryEmbedding"},
	{"ffffxf", "GRU LSTM RNN"},
	{"fxX", "DFT"},
	{"fxf", "NegativeLogLikelihoodLoss SoftmaxCrossEntropyLoss"},
	{"fxfx", "STFT"},
	{"i", "BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor"},
	{"n",
		"Abs Add ArgMax ArgMin Clip Div Einsum Erf Greater GreaterOrEqual Less LessOrEqual Max Min Mod "
		"Mul Shrink Sign Sub"},
	{"nX", "TopK"},
	{"nn.", "OneHot"},
	{"p", "MaxPool"},
	{"q", "ConvInteger ImageDecoder MatMulInteger"},
	{"qfqqfqfq", "QLinearMatMul"},
	{"qfqqfqfqx", "QLinearConv"},
	{"s", "Neg Range Relu"},
	{"t", "TfIdfVectorizer"},
	{"w", "Gemm MatMul PRelu"},
	{"w.", "QuantizeLinear"},
	{"wX", "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMean ReduceProd ReduceSum ReduceSumSquare"},
	{"wn", "Pow"},
	{"wx", "CumProd CumSum"},
	{"x", "BlackmanWindow HammingWindow HannWindow"},
	{"xxxf", "MelWeightMatrix"},
};

/* What the letters say. */
static const struct {
	char letter;
	const char *words;
} kinds[] = {
	{'a', "numbers or bool"},
	{'b', "bool"},
	{'X', "i64"},
	{'x', "i32 or i64"},
	{'q', "integers or floats of 8 bits"},
	{'f', "floats"},
	{'F', "floats"},
	{'i', "integers"},
	{'p', "floats or integers of 8 bits"},
	{'w', "floats or integers of 32 or 64 bits"},
	{'s', "floats or signed integers"},
	{'t', "i32, i64 or strings"},
	{'n', "numbers"},
};

static bool is_accepted(char letter, Elem e)
{
	const ElemInfo *info = &elem_info[e];
	bool computes = !elem_is_storage(e), is_float = elem_is_float(e) && computes,
	     is_int = elem_is_int(e) && computes;
	switch (letter) {
	case 'a': return e != STR;
	case 'b': return e == BOOL;
	case 'X': return e == I64;
	case 'x': return e == I32 || e == I64;
	case 'q': return e != BOOL && info->bits == 8;
	case 'f': return is_float;
	case 'F': return elem_is_float(e);
	case 'i': return is_int;
	case 'p': return is_float || (is_int && info->bits == 8);
	case 'w': return is_float || (is_int && info->bits >= 32);
	case 's': return is_float || info->cls == 'i';
	case 't': return e == I32 || e == I64 || e == STR;
	case 'n': return is_float || is_int;
	default: return true;
	}
}

static bool has_word(const char *words, const char *word)
{
	size_t n = strlen(word);
	for (const char *at = words; (at = strstr(at, word)); at += n)
		if ((at == words || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0')) return true;
	return false;
}

static void check_input(const Node *n, int i, char letter)
{
	const Val *v = n->in[i];
	if (!v || v->type->is_tuple || is_accepted(letter, v->type->elem)) return;
	for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
		if (kinds[k].letter == letter)
			node_fail(n, "input %d, %s: %s wanted, %s seen", i, onnx_quote(n->cx, n->core->proto->input[i]),
				kinds[k].words, elem_info[v->type->elem].name);
}

void check_input_types(const Node *n)
{
	if (*n->domain) return;
	for (size_t k = 0; k < sizeof accepted / sizeof *accepted; k++) {
		if (!has_word(accepted[k].ops, n->op)) continue;
		const char *letter = accepted[k].inputs;
		for (int i = 0; i < n->n_in; i++) {
			check_input(n, i, *letter);
			letter += letter[1] != '\0';
		}
		return;
	}
}
