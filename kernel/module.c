/* unifinit.host._kernel: the kernel for Python. All checks come first; then memory is written without the GIL. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdlib.h>
#include <string.h>

#include "fill.h"
#include "tables.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

/* Levels, the best one first. */

static const Level *const levels[] = {
#if defined(__GNUC__) && defined(__x86_64__)
    &level_avx512,
    &level_avx2,
#endif
    &level_baseline,
};
enum { LEVELS = sizeof levels / sizeof *levels };

PyDoc_STRVAR(available_levels_doc, "levels()\n--\n\nNames of the sets of instructions that can be used, the best first.");

static PyObject *available_levels(PyObject *module, PyObject *unused) {
    (void)module, (void)unused;
    PyObject *names = PyList_New(0);
    for (int i = 0; names && i < LEVELS; i++) {
        if (!levels[i]->available()) continue;
        PyObject *name = PyUnicode_FromString(levels[i]->name);
        if (!name || PyList_Append(names, name) < 0) Py_CLEAR(names);
        Py_XDECREF(name);
    }
    return names;
}

static const Level *find_level(const char *name) {
    for (int i = 0; i < LEVELS; i++) {
        if (strcmp(levels[i]->name, name) == 0 && levels[i]->available()) return levels[i];
    }
    PyObject *names = available_levels(NULL, NULL);
    if (names) PyErr_Format(PyExc_ValueError, "this processor has no level '%s'; wanted one of %R", name, names);
    Py_XDECREF(names);
    return NULL;
}

/* Tables. */

static int tables_are_set = 0;

PyDoc_STRVAR(set_tables_doc, "set_tables(single, double)\n--\n\nSet the tables of the quantile; before any other call.");

static PyObject *set_tables(PyObject *module, PyObject *args) {
    (void)module;
    Py_buffer single, wide;
    if (!PyArg_ParseTuple(args, "y*y*:set_tables", &single, &wide)) return NULL;
    const Py_ssize_t single_size = (SINGLE_SEGMENTS + 1) * (Py_ssize_t)sizeof(int32_t);
    const Py_ssize_t double_size = DOUBLE_COEFFICIENTS * DOUBLE_SEGMENTS * (Py_ssize_t)sizeof(int64_t);
    if (single.len == single_size && wide.len == double_size) {
        set_single_table(single.buf);
        set_double_table(wide.buf);
        tables_are_set = 1;
    } else {
        PyErr_Format(PyExc_ValueError, "tables have %zd and %zd bytes; wanted %zd and %zd", single.len, wide.len, single_size,
                     double_size);
    }
    PyBuffer_Release(&single);
    PyBuffer_Release(&wide);
    if (PyErr_Occurred()) return NULL;
    Py_RETURN_NONE;
}

/* Filling. */

static int read_elements(const Py_buffer *view, long long counter, PyObject *steps, Elements *elements) {
    if (view->ndim > MAX_AXES || PyTuple_Size(steps) != view->ndim) {
        if (!PyErr_Occurred()) PyErr_Format(PyExc_ValueError, "wanted a tuple of %d steps, one for each axis", view->ndim);
        return -1;
    }
    if (view->ndim && !(view->shape && view->strides)) { /* Buffers of ctypes have none, although they were asked for. */
        PyErr_SetString(PyExc_ValueError, "fill got a buffer that does not tell its strides; wanted an array of NumPy");
        return -1;
    }
    elements->data = view->buf;
    elements->counter = (uint64_t)counter;
    elements->axes = view->ndim;
    for (int i = 0; i < view->ndim; i++) {
        const long long step = PyLong_AsLongLong(PyTuple_GetItem(steps, i));
        if (step == -1 && PyErr_Occurred()) return -1;
        elements->axis[i].size = view->shape[i];
        elements->axis[i].stride = view->strides[i];
        elements->axis[i].step = step;
    }
    return 0;
}

/* Number of elements; -1, with an error set, if the arguments do not fit each other. */
static int64_t check_fill(const Py_buffer *view, const Recipe *recipe, const Elements *elements, long long start,
                          long long stop) {
    int64_t count = 1;
    for (int i = 0; i < view->ndim; i++) {
        if (view->shape[i] == 0) count = 0;
    }
    for (int i = 0; count && i < view->ndim; i++) count *= view->shape[i]; /* The memory exists: no overflow. */
    const char *problem = check_recipe(recipe);
    if (!problem && count) problem = check_counters(elements);
    if (!problem && !tables_are_set) problem = "the tables have not been set";
    if (!problem && view->itemsize != (Py_ssize_t)item_size((Format)recipe->format)) {
        problem = "elements of another size than the recipe's format";
    }
    if (!problem && !(0 <= start && start <= stop && stop <= count)) {
        problem = "a range that is not within 0 <= start <= stop <= number of elements";
    }
    if (!problem) return count;
    PyErr_Format(PyExc_ValueError, "fill got %s", problem);
    return -1;
}

PyDoc_STRVAR(fill_doc,
             "fill(level, key, recipe, out, counter, steps, start, stop, streaming)\n--\n\n"
             "Fill some elements of a writable buffer with numbers of the stream; the GIL is released.\n\n"
             "Parameters\n"
             "----------\n"
             "level : str\n    One of levels().\n"
             "key : tuple of int\n    Two words.\n"
             "recipe : tuple\n    kind, format, shift, scale, minimum, maximum, clips, first, span, lowest, highest.\n"
             "out : buffer\n    Of any shape and strides.\n"
             "counter : int\n    The counter of the element whose indices are all 0.\n"
             "steps : tuple of int\n    How much the counter grows along each axis.\n"
             "start, stop : int\n    Which elements, in the order in which they lie in memory.\n"
             "streaming : bool\n    Whether to write past the caches.");

static PyObject *fill_buffer(PyObject *module, PyObject *args) {
    (void)module;
    const char *name;
    Recipe recipe;
    PyObject *out, *steps;
    long long key[2], counter, start, stop, first, span, lowest, highest;
    int streaming;
    if (!PyArg_ParseTuple(args, "s(LL)(iiddddpLLLL)OLO!LLp:fill", &name, &key[0], &key[1], &recipe.kind,
                          &recipe.format, &recipe.affine.shift, &recipe.affine.scale, &recipe.affine.minimum,
                          &recipe.affine.maximum, &recipe.affine.clips, &first, &span, &lowest, &highest, &out, &counter,
                          &PyTuple_Type, &steps, &start, &stop, &streaming)) {
        return NULL;
    }
    for (int i = 0; i < 2; i++) {
        if (key[i] < 0 || key[i] > (long long)UINT32_MAX) {
            PyErr_SetString(PyExc_ValueError, "fill got a word of the key that is out of range; wanted 0 <= word < 2**32");
            return NULL;
        }
        recipe.key[i] = (uint32_t)key[i];
    }
    recipe.ends = (Ends){first, span, lowest, highest};
    const Level *level = find_level(name);
    Py_buffer view;
    if (!level || PyObject_GetBuffer(out, &view, PyBUF_STRIDES | PyBUF_WRITABLE) < 0) return NULL;
    Elements elements;
    if (read_elements(&view, counter, steps, &elements) == 0 &&
        check_fill(&view, &recipe, &elements, start, stop) >= 0) {
        Py_BEGIN_ALLOW_THREADS
        if (start < stop) {
            arrange(&elements);
            fill(level, &recipe, &elements, start, stop, streaming);
        }
        Py_END_ALLOW_THREADS
    }
    PyBuffer_Release(&view);
    if (PyErr_Occurred()) return NULL;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(advise_doc, "advise_huge_pages(out)\n--\n\n"
                         "Ask the system for huge pages behind the memory of a contiguous buffer, before it is first written.");

static PyObject *advise_huge_pages(PyObject *module, PyObject *out) {
    (void)module;
    Py_buffer view;
    if (PyObject_GetBuffer(out, &view, PyBUF_WRITABLE) < 0) return NULL;
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    const uintptr_t page = 4096;
    const uintptr_t begin = ((uintptr_t)view.buf + page - 1) / page * page;
    const uintptr_t end = ((uintptr_t)view.buf + (uintptr_t)view.len) / page * page;
    if (begin < end) madvise((void *)begin, end - begin, MADV_HUGEPAGE); /* Advice: it does not matter if it fails. */
#endif
    PyBuffer_Release(&view);
    Py_RETURN_NONE;
}

/* The QR decomposition. */

/* Get a buffer of float64 that has a number of rows and columns, the elements of a row side by side; -1 with an error. */
static int get_matrix(PyObject *object, Py_buffer *view, Py_ssize_t rows, Py_ssize_t columns, const char *name) {
    if (PyObject_GetBuffer(object, view, PyBUF_STRIDES | PyBUF_WRITABLE) < 0) return -1;
    const Py_ssize_t item = sizeof(double);
    if (view->ndim == 2 && view->shape && view->strides && view->itemsize == item &&
        (uintptr_t)view->buf % sizeof(double) == 0 && view->strides[0] % item == 0 &&
        (view->strides[1] == item || view->shape[1] <= 1) && (rows < 0 || view->shape[0] == rows) &&
        (columns < 0 || view->shape[1] == columns)) {
        return 0;
    }
    PyErr_Format(PyExc_ValueError, "%s is no aligned, row-major matrix of float64 of the size that the others ask for", name);
    PyBuffer_Release(view);
    return -1;
}

/* The same for one without gaps, which must have exactly that size. */
static int get_packed(PyObject *object, Py_buffer *view, Py_ssize_t rows, Py_ssize_t columns, const char *name) {
    if (get_matrix(object, view, rows, columns, name) < 0) return -1;
    if (PyBuffer_IsContiguous(view, 'C')) return 0;
    PyErr_Format(PyExc_ValueError, "%s has gaps between its rows", name);
    PyBuffer_Release(view);
    return -1;
}

PyDoc_STRVAR(qr_panel_doc,
             "qr_panel(level, panel, reflectors, triangle, signs)\n--\n\n"
             "Find the reflectors that would reduce a panel: write V, T and the signs of the diagonal of R. The GIL is released.");

static PyObject *qr_panel(PyObject *module, PyObject *args) {
    (void)module;
    const char *name;
    PyObject *panel, *reflectors, *triangle, *signs;
    if (!PyArg_ParseTuple(args, "sOOOO:qr_panel", &name, &panel, &reflectors, &triangle, &signs)) return NULL;
    const Level *level = find_level(name);
    Py_buffer p, v, t, s;
    if (!level || get_matrix(panel, &p, -1, -1, "panel") < 0) return NULL;
    const Py_ssize_t rows = p.shape[0], columns = p.shape[1];
    if (columns < 1 || columns > QR_WIDTH || rows < columns) {
        PyErr_Format(PyExc_ValueError, "a panel of %zd x %zd; wanted 1 to %d columns and as many rows", rows, columns, QR_WIDTH);
    } else if (get_packed(reflectors, &v, rows, columns, "reflectors") == 0) {
        if (get_packed(triangle, &t, columns, columns, "triangle") == 0) {
            if (get_packed(signs, &s, 1, columns, "signs") == 0) {
                double *work = malloc((size_t)rows * (size_t)columns * sizeof *work);
                if (work) {
                    Py_BEGIN_ALLOW_THREADS
                    level->qr_panel(p.buf, rows, p.strides[0] / (Py_ssize_t)sizeof(double), (int)columns, v.buf, t.buf, s.buf,
                                    work);
                    Py_END_ALLOW_THREADS
                    free(work);
                } else {
                    PyErr_NoMemory();
                }
                PyBuffer_Release(&s);
            }
            PyBuffer_Release(&t);
        }
        PyBuffer_Release(&v);
    }
    PyBuffer_Release(&p);
    if (PyErr_Occurred()) return NULL;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(qr_reflect_doc,
             "qr_reflect(level, c, reflectors, triangle)\n--\n\n"
             "C := (I - V T V^T) C; the GIL is released.");

static PyObject *qr_reflect(PyObject *module, PyObject *args) {
    (void)module;
    const char *name;
    PyObject *matrix, *reflectors, *triangle;
    if (!PyArg_ParseTuple(args, "sOOO:qr_reflect", &name, &matrix, &reflectors, &triangle)) return NULL;
    const Level *level = find_level(name);
    Py_buffer c, v, t;
    if (!level || get_matrix(matrix, &c, -1, -1, "c") < 0) return NULL;
    if (get_packed(reflectors, &v, c.shape[0], -1, "reflectors") == 0) {
        const Py_ssize_t width = v.shape[1];
        if (width < 1 || width > QR_WIDTH) {
            PyErr_Format(PyExc_ValueError, "%zd reflectors; wanted 1 to %d", width, QR_WIDTH);
        } else if (get_packed(triangle, &t, width, width, "triangle") == 0) {
            Py_BEGIN_ALLOW_THREADS
            level->qr_reflect(c.buf, c.shape[0], c.strides[0] / (Py_ssize_t)sizeof(double), c.shape[1], v.buf, (int)width,
                              t.buf);
            Py_END_ALLOW_THREADS
            PyBuffer_Release(&t);
        }
        PyBuffer_Release(&v);
    }
    PyBuffer_Release(&c);
    if (PyErr_Occurred()) return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"levels", available_levels, METH_NOARGS, available_levels_doc},
    {"set_tables", set_tables, METH_VARARGS, set_tables_doc},
    {"fill", fill_buffer, METH_VARARGS, fill_doc},
    {"qr_panel", qr_panel, METH_VARARGS, qr_panel_doc},
    {"qr_reflect", qr_reflect, METH_VARARGS, qr_reflect_doc},
    {"advise_huge_pages", advise_huge_pages, METH_O, advise_doc},
    {NULL, NULL, 0, NULL},
};

/* Raised whenever the arguments of a function change, so that a file left over from an earlier build is noticed. */
static int add_constants(PyObject *module) {
    return PyModule_AddIntConstant(module, "INTERFACE", 1);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, (void *)add_constants},
#if defined(Py_GIL_DISABLED)
    {Py_mod_gil, Py_MOD_GIL_NOT_USED}, /* Nothing is shared but the tables, which are set once. */
#endif
    {0, NULL},
};

PyDoc_STRVAR(module_doc, "The compiled kernel of unifinit, for unifinit.host alone.");

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "unifinit.host._kernel", module_doc, 0, methods, slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__kernel(void) {
    return PyModuleDef_Init(&definition);
}
