//! Views: any shape, strides and offset over a small memory. A view is made only if all its elements lie
//! in the memory (counted here in 128 bits), every element is the right one, what is written through one
//! changes nothing else, and an operation gives the bits that it gives for a copy.

use ainv::{Options, OwnedStack, Stack, StackMut};

/// So many elements are looked at one by one.
const MOST: u128 = 4096;

struct View {
    shape: Vec<usize>,
    strides: Vec<isize>,
    offset: usize,
    len: usize,
}

/// Draws numbers from bytes; zeros when they are used up.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn one(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }
    /// Mostly small, now and then any number.
    fn number(&mut self) -> i64 {
        match self.one() {
            128 => i64::from_le_bytes([0; 8].map(|_: u8| self.one())),
            129 => i64::MAX - i64::from(self.one()),
            130 => i64::MIN + i64::from(self.one()),
            small => i64::from(small as i8),
        }
    }
    fn view(&mut self) -> View {
        let axes = usize::from(self.one() % 12);
        let offset = match self.number() {
            small @ -128..128 => usize::from(small as u8),
            any => any as usize,
        };
        let len = usize::from(self.one()) + usize::from(self.one());
        let shape = (0..axes).map(|_| match self.number() {
            small @ -128..128 => (small & 7) as usize,
            any => any as usize,
        });
        let shape = shape.collect();
        let strides = (0..axes).map(|_| self.number() as isize).collect();
        View { shape, strides, offset, len }
    }
}

impl View {
    /// How many elements there are; `None`: more than 128 bits count.
    fn count(&self) -> Option<u128> {
        if self.shape.contains(&0) {
            return Some(0);
        }
        self.shape.iter().try_fold(1u128, |product, &n| product.checked_mul(n as u128))
    }

    fn is_inside(&self) -> bool {
        let (mut low, mut high) = (self.offset as i128, self.offset as i128);
        for (&n, &stride) in self.shape.iter().zip(&self.strides) {
            let Some(reach) = (stride as i128).checked_mul(n as i128 - 1) else { return false };
            let end = if reach < 0 { &mut low } else { &mut high };
            *end = end.saturating_add(reach);
        }
        self.count() == Some(0) || (low >= 0 && high < self.len as i128)
    }

    /// Where the element of this number lies.
    fn place(&self, mut number: u128) -> usize {
        let mut at = self.offset as i128;
        for (&n, &stride) in self.shape.iter().zip(&self.strides).rev() {
            at += (number % n as u128) as i128 * stride as i128;
            number /= n as u128;
        }
        usize::try_from(at).expect("the view is inside")
    }
}

/// Makes views of what the bytes say.
pub fn check(data: &[u8]) {
    let view = Bytes(data).view();
    let memory: Vec<f64> = (0..view.len).map(entry).collect();
    let View { shape, strides, offset, .. } = &view;

    // A count that fits no address must be refused, too; more uneven axes than it holds may be.
    let made = Stack::with_strides(&memory, *offset, shape, strides);
    if made.is_ok() {
        assert!(shape.len() >= 2 && view.is_inside());
    } else if shape.len() >= 2 && shape.len() <= ainv::MAX_AXES + 2 && view.is_inside() {
        let nonzero = shape.iter().map(|&n| n.max(1) as u128);
        let fits = nonzero.fold(1u128, u128::saturating_mul) <= isize::MAX as u128;
        assert!(!fits, "{shape:?} {strides:?} {offset} of {}: refused", memory.len());
    }
    let plain = Stack::new(&memory, shape);
    assert_eq!(plain.is_ok(), shape.len() >= 2 && fills(&view), "{shape:?}");

    let Ok(stack) = made else { return };
    let count = view.count().expect("the count was checked");
    assert_eq!(stack.len() as u128 * stack.rows() as u128 * stack.cols() as u128, count);
    let matrix = (stack.rows() * stack.cols()) as u128;
    let all = count <= MOST;
    let ends = (0..count.min(MOST)).chain(count.saturating_sub(if all { 0 } else { MOST })..count);
    for number in ends {
        let (index, at) = (number / matrix, number % matrix);
        let (i, j) = (at as usize / stack.cols(), at as usize % stack.cols());
        assert_eq!(stack.get(index as usize, i, j), memory[view.place(number)]);
    }
    // What is given back of more axes has them merged. However many matrices without an element there are, each has a
    // status, for which there may be no memory: that is tests/memory.rs's.
    if all && stack.len() as u128 <= MOST && shape.len() <= ainv::MAX_AXES + 2 {
        written(&view, &memory);
        inverted(&view, stack, &memory);
    }
}

/// Some number for each place.
fn entry(i: usize) -> f64 {
    ((i * 7919 + 13) % 1009) as f64 / 64.0 - 5.0
}

/// Whether the view's elements are as many as the memory's.
fn fills(view: &View) -> bool {
    let sizes = view.shape.iter().map(|&n| n.max(1) as u128);
    let fits = sizes.fold(1u128, u128::saturating_mul) <= isize::MAX as u128;
    fits && view.count() == Some(view.len as u128)
}

/// Where one may write, no two elements share memory, and nothing besides is changed.
fn written(view: &View, memory: &[f64]) {
    let mut copy = memory.to_vec();
    let View { shape, strides, offset, .. } = view;
    let Ok(out) = StackMut::with_strides(&mut copy, *offset, shape, strides) else { return };
    let count = view.count().expect("the count was checked");
    let mut places: Vec<_> = (0..count).map(|number| view.place(number)).collect();
    places.sort_unstable();
    assert!(places.windows(2).all(|pair| pair[0] != pair[1]), "elements share memory");
    if out.rows() != out.cols() {
        return;
    }
    let ones = vec![1.0; count as usize];
    let Ok(ones) = Stack::new(&ones, shape) else { return };
    let (lower, unit) = (ainv::Uplo::Lower, ainv::Diag::Unit);
    let done = ainv::tri_inv_into(ones, lower, unit, out, &mut [], &Options::default());
    done.expect("triangles with a unit diagonal have inverses");
    let changed = (0..memory.len()).filter(|i| copy[*i].to_bits() != memory[*i].to_bits());
    for i in changed {
        assert!(places.binary_search(&i).is_ok(), "changed beside the view");
    }
    let values = places.iter().map(|&i| copy[i]);
    assert!(values.clone().all(|x| x == 1.0 || x == 0.0 || x == -1.0));
}

/// The inverses have the bits of a copy's.
fn inverted(view: &View, stack: Stack<f64>, memory: &[f64]) {
    let count = view.count().expect("the count was checked");
    let copy = (0..count).map(|number| memory[view.place(number)]).collect();
    let copy = OwnedStack::from_vec(copy, &view.shape).expect("as many as the shape says");
    let (x, y) =
        (ainv::inv_ex(stack, &Options::default()), ainv::inv_ex(&copy, &Options::default()));
    match (x, y) {
        (Ok((x, info)), Ok((y, same))) => {
            let bits = |x: &OwnedStack<f64>| {
                let one = |x: &f64| if x.is_nan() { u64::MAX } else { x.to_bits() };
                x.as_slice().iter().map(one).collect::<Vec<_>>()
            };
            assert_eq!((bits(&x), info), (bits(&y), same));
        }
        (x, y) => assert!(x.is_err() && y.is_err() && stack.rows() != stack.cols()),
    }
}
