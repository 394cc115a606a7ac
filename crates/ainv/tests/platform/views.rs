//! The arithmetic of views, exhaustively against its definition: every shape and every
//! stride to a bound, of one to four axes. (`promises/sizes.rs` goes further for three.)

use ainv::{Error, Stack, StackMut};

/// All vectors of `axes` values of `range`.
fn all(axes: usize, range: std::ops::RangeInclusive<isize>) -> Vec<Vec<isize>> {
    (0..axes).fold(vec![vec![]], |some, _| {
        let longer = |v: &Vec<isize>| {
            let v = v.clone();
            range.clone().map(move |x| [&v[..], &[x]].concat())
        };
        some.iter().flat_map(longer).collect()
    })
}

/// Where each element lies, in row-major order.
fn places(offset: usize, shape: &[usize], strides: &[isize]) -> Vec<isize> {
    shape.iter().zip(strides).fold(vec![offset as isize], |starts, (&n, &stride)| {
        starts.iter().flat_map(|&at| (0..n as isize).map(move |i| at + i * stride)).collect()
    })
}

/// What a view to write to asks: by rising stride, each axis steps past all before it.
fn steps_past(shape: &[usize], strides: &[isize]) -> bool {
    let mut axes: Vec<_> = strides.iter().map(|s| s.unsigned_abs()).zip(shape).collect();
    axes.retain(|&(_, &n)| n > 1);
    axes.sort_unstable();
    let reach = |k: usize| axes[..k].iter().map(|(s, n)| s * (*n - 1)).sum::<usize>();
    (0..axes.len()).all(|k| axes[k].0 > reach(k))
}

/// How many views are accepted for reading and for writing.
fn every_view(axes: usize, largest: isize, stride: isize, len: usize) -> (usize, usize) {
    let mut data: Vec<u32> = (0..len as u32).collect();
    let (mut readable, mut writable) = (0, 0);
    let all_strides = all(axes, -stride..=stride);
    for shape in all(axes, 0..=largest) {
        let shape: Vec<usize> = shape.iter().map(|&n| n as usize).collect();
        for strides in &all_strides {
            for offset in [0, len / 2, len - 1, len] {
                let what = || format!("{shape:?} {strides:?} from {offset}");
                let places = places(offset, &shape, strides);
                let inside = places.iter().all(|&p| p >= 0 && p < len as isize);
                match Stack::with_strides(&data, offset, &shape, strides) {
                    Err(Error::Layout { .. }) => assert!(!inside, "{} is refused", what()),
                    Err(error) => panic!("{}: {error}", what()),
                    Ok(view) => {
                        assert!(inside, "{} reaches outside", what());
                        readable += 1;
                        let (rows, cols) = (view.rows(), view.cols());
                        for (at, p) in places.iter().enumerate() {
                            let (index, i, j) = (at / (rows * cols), at / cols % rows, at % cols);
                            assert_eq!(view.get(index, i, j) as isize, *p, "{}", what());
                        }
                    }
                }
                let accepted = StackMut::with_strides(&mut data, offset, &shape, strides).is_ok();
                let rule = places.is_empty() || steps_past(&shape, strides);
                assert_eq!(accepted, inside && rule, "{}", what());
                if accepted {
                    writable += 1;
                    let mut places = places;
                    places.sort_unstable();
                    assert!(places.windows(2).all(|p| p[0] < p[1]), "{}: shared memory", what());
                }
            }
        }
    }
    (readable, writable)
}

#[test]
fn one_axis_is_no_matrix() {
    let data = [0; 4];
    for (shape, strides) in [(&[][..], &[][..]), (&[3], &[1]), (&[0], &[1]), (&[3, 3], &[1])] {
        let view = Stack::with_strides(&data, 0, shape, strides);
        assert!(matches!(view, Err(Error::Shape { .. })), "{shape:?}");
    }
}

#[test]
fn one_matrix() {
    let (largest, stride) = if cfg!(miri) { (2, 2) } else { (5, 9) };
    let (readable, writable) = every_view(2, largest, stride, 20);
    assert!(readable > 100 && writable > 100, "{readable} {writable}");
}

#[test]
fn two_leading_axes() {
    let (largest, stride) = if cfg!(miri) { (1, 1) } else { (2, 4) };
    let (readable, writable) = every_view(4, largest, stride, 11);
    assert!(readable > 100 && writable > 50, "{readable} {writable}");
}

/// What slicing, reversing and transposing make of an array can be written to.
#[test]
fn every_part_of_an_array() {
    let (shape, mut data) = ([3usize, 2, 4], [0u8; 24]);
    let strides = [8isize, 4, 1];
    let axes = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    // Each axis from a place on, by steps.
    let most = if cfg!(miri) { 1isize } else { 3 };
    let slices = |n: usize| -> Vec<(usize, usize, isize)> {
        let steps = (-most..=most).filter(|&s| s != 0);
        let from = steps.flat_map(move |s| (0..n).map(move |first| (first, s)));
        from.map(|(first, s)| {
            let room = if s > 0 { n - 1 - first } else { first };
            (first, room / s.unsigned_abs() + 1, s)
        })
        .collect()
    };
    for order in axes {
        for a in slices(shape[0]) {
            for b in slices(shape[1]) {
                for c in slices(shape[2]) {
                    let slice = [a, b, c];
                    let offset: usize =
                        (0..3).map(|k| slice[k].0 * strides[k].unsigned_abs()).sum();
                    let shape = order.map(|k| slice[k].1);
                    let strides = order.map(|k| strides[k] * slice[k].2);
                    let view = StackMut::with_strides(&mut data, offset, &shape, &strides);
                    assert!(view.is_ok(), "{shape:?} {strides:?} from {offset}: {view:?}");
                }
            }
        }
    }
}
