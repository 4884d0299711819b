/* ops_elementwise.c: element-wise operators that text cannot say.
 *
 * All of them are operators of the library (frontend/ops/), which import.c asks where no row matches.
 */
#include "frontend/onnx/import.h"

const Importer onnx_ops_elementwise[] = {{.op = NULL}};
