//! What the page draws of a matrix.

use crate::numbers;
use ainv::{Grid, OwnedStack, RealScalar, Scalar};
use serde_json::{Value, json};

/// Cells along a side of a heat map, at most; a larger matrix has several entries in a cell.
const CELLS: usize = 64;
/// Rows and columns of a table, at most.
const SHOWN: usize = 30;

/// A heat map of the sizes of a matrix's entries, row by row: of each cell the largest |entry|, null if one is
/// not finite.
pub(crate) fn map<T: Scalar>(title: &str, note: &str, [rows, cols]: [usize; 2], a: &[T]) -> Value {
    let sides = [rows.min(CELLS), cols.min(CELLS)];
    let mut cells = vec![0.0f64; sides[0] * sides[1]];
    for (i, row) in a.chunks_exact(cols.max(1)).enumerate() {
        for (j, x) in row.iter().enumerate() {
            let size = x.re().to_f64().hypot(x.im().to_f64());
            let cell = &mut cells[i * sides[0] / rows * sides[1] + j * sides[1] / cols];
            // Written so that a NaN is kept.
            *cell = if *cell >= size || cell.is_nan() { *cell } else { size };
        }
    }
    json!({ "title": title, "note": note, "shape": [rows, cols], "sides": sides, "cells": cells })
}

/// The same of what a report has looked at.
pub(crate) fn of_grid(title: &str, note: &str, grid: &Grid) -> Value {
    let (shape, sides) = ([grid.order; 2], [grid.side; 2]);
    json!({ "title": title, "note": note, "shape": shape, "sides": sides, "cells": grid.cells })
}

/// One matrix of the stack as a table, or its first rows and columns: of each number what is shown, and all
/// of it.
pub(crate) fn table<T: Scalar>(a: &OwnedStack<T>, index: usize) -> Value {
    let [.., rows, cols] = *a.shape() else { return Value::Null };
    let matrix = a.as_slice().chunks_exact((rows * cols).max(1)).nth(index).unwrap_or(&[]);
    let row = |row: &[T]| -> Vec<Value> {
        row.iter().take(SHOWN).map(|&x| json!([numbers::short(x), numbers::full(x)])).collect()
    };
    let cells: Vec<_> = matrix.chunks_exact(cols.max(1)).take(SHOWN).map(row).collect();
    json!({ "index": index, "shape": [rows, cols], "cells": cells })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_has_the_largest_of_its_entries() {
        let (rows, cols) = (3, 200);
        let mut a = vec![0.0f64; rows * cols];
        a[cols + 199] = -7.0;
        a[2 * cols] = f64::NAN;
        let map = map("A", "", [rows, cols], &a);
        assert_eq!(map["sides"], json!([3, 64]));
        let cells = map["cells"].as_array().unwrap();
        assert_eq!((cells.len(), &cells[64 + 63], &cells[128]), (192, &json!(7.0), &Value::Null));
        assert_eq!(cells.iter().filter(|x| **x == json!(0.0)).count(), 190);
    }

    #[test]
    fn a_table_is_a_corner_of_a_large_matrix() {
        let a = OwnedStack::<f64>::zeros(&[2, 40, 31]).unwrap();
        let table = table(&a, 1);
        let cells = table["cells"].as_array().unwrap();
        assert_eq!((cells.len(), cells[0].as_array().unwrap().len()), (30, 30));
        assert_eq!((&table["shape"], &table["index"]), (&json!([40, 31]), &json!(1)));
    }
}
