//! The report: what it measures is so, what it says follows from that, and it says the worst first.

use super::common::*;
use ainv::*;
use testkit::{Mat, Rng, from_singular_values, norm1, unit_roundoff};

fn of<T: Scalar>(a: &Mat<T>) -> Report {
    report(a.view(), None, &Options::default()).unwrap()
}

fn assumed(a: &Mat<f64>, assume: Assume) -> Report {
    report(a.view(), None, &assuming(assume)).unwrap()
}

fn stack(matrices: &[[f64; 4]]) -> OwnedStack<f64> {
    OwnedStack::from_vec(matrices.concat(), &[matrices.len(), 2, 2]).unwrap()
}

fn real<T: Scalar>(x: f64) -> T {
    T::from_re(T::Real::from_f64(x))
}

fn random<T: Scalar>(n: usize, heavy: f64) -> Mat<T> {
    let rng = &mut Rng::new(n as u64 + 5);
    Mat::from_fn(n, n, |i, j| rng.scalar::<T>() + real(if i == j { heavy } else { 0.0 }))
}

fn hilbert(n: usize) -> Mat<f64> {
    Mat::real(n, n, |i, j| 1.0 / (i + j + 1) as f64)
}

fn measures_what_it_says<T: Scalar>() {
    for n in [1, 2, 3, 5, 8, 13, 30, 65, 100] {
        let a = random::<T>(n, n as f64);
        let x = mat(inv(a.view(), &Options::default()).unwrap());
        let report = of(&a);
        let [m] = report.matrices[..] else { panic!("one matrix") };
        let near = |got: f64, want: f64| {
            assert!((got - want).abs() <= 1e-12 * want, "n = {n}: {got}, not {want}");
        };
        near(m.norm, norm1(&a));
        near(m.inverse_norm, norm1(&x));
        assert_eq!(m.rcond, rcond(a.view(), Norm::One, &Options::default()).unwrap()[0].to_f64());
        let off = |p: Mat<T::Wide>| {
            norm1(&p.map(|i, j, x| x - T::Wide::from_re(if i == j { 1.0 } else { 0.0 })))
        };
        let (wide, inverse) = (a.widen(), x.widen());
        let rounding = 4.0 * n as f64 * f64::EPSILON * norm1(&a) * norm1(&x);
        for (got, want) in [
            (m.right_residual, off(wide.times(&inverse))),
            (m.left_residual, off(inverse.times(&wide))),
        ] {
            assert!((got - want).abs() <= rounding, "n = {n}: residual {got}, not {want}");
        }
        assert_eq!((m.status, m.verdict(), m.rank), (Status::default(), Verdict::Good, Some(n)));
        assert!(!report.to_string().contains("what to do"), "{report}");
    }
}

fn digits_are_not_promised_that_are_not_there<T: Scalar>() {
    let u = unit_roundoff::<T>();
    for power in 0..=20 {
        // A known inverse: the digits of what was computed can be counted.
        let small = 10f64.powi(-power).max(u / 8.0);
        let small = T::Real::from_f64(small).to_f64();
        let a = Mat::<T>::real(2, 2, |i, j| if i + j == 2 { 1.0 + small } else { 1.0 });
        let exact = a[(1, 1)].re().to_f64() - 1.0;
        let x =
            mat(inv(a.view(), &Options { on_singular: OnSingular::Nan, ..Options::default() })
                .unwrap());
        let [m] = of(&a).matrices[..] else { panic!("one matrix") };
        if exact == 0.0 {
            assert_eq!(m.verdict(), Verdict::NoInverse, "{small}");
            continue;
        }
        let error = (x[(0, 0)].re().to_f64() * exact - (1.0 + exact)).abs();
        let promised = 10f64.powi(-(m.digits.good as i32));
        assert!(error <= 2.0 * promised, "{small}: {m:?}, but the error is {error}");
        // Nor is it made out to be much worse than what rounding the matrix does.
        assert!(u / exact > promised / 1e3, "{small}: {m:?}");
    }
}

fn ranks_as_planted<T: Scalar>() {
    let rng = &mut Rng::new(3);
    for (n, rank) in [(4, 4), (4, 2), (9, 8), (20, 5), (40, 39)] {
        let values: Vec<f64> = (0..n).map(|i| if i < rank { 2.0 } else { 0.0 }).collect();
        let a: Mat<T> = from_singular_values(n, n, &values, rng);
        assert_eq!(of(&a).matrices[0].rank, Some(rank), "order {n}");
    }
}

mod stamped {
    super::for_all_scalars!(
        measures_what_it_says,
        digits_are_not_promised_that_are_not_there,
        ranks_as_planted,
    );
}

#[test]
fn the_verdict_follows_the_condition() {
    for (n, verdict, said) in [
        (4, Verdict::Good, "This inverse can be trusted. About 11 of 16 digits can be trusted."),
        (7, Verdict::Care, "Take care with this inverse. About 6 of 16 digits can be trusted. The"),
        (13, Verdict::Worthless, "Do not use this inverse. No digit of it can be trusted."),
    ] {
        let report = of(&hilbert(n));
        assert_eq!(report.matrices[0].verdict(), verdict, "order {n}");
        let text = report.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(said), "{text}");
        assert_eq!(text.contains("solve(a, b)"), verdict != Verdict::Good);
    }
}

#[test]
fn matrices_without_an_inverse() {
    let nan = [1.0, f64::NAN, 0.0, 1.0];
    let report = of(&Mat::<f64>::new(2, 2, vec![1.0, 2.0, 2.0, 4.0]));
    let [m] = report.matrices[..] else { panic!("one matrix") };
    assert_eq!((m.status.code, m.status.at, m.rcond), (Code::Singular, 2, 0.0));
    assert_eq!((m.verdict(), m.rank), (Verdict::NoInverse, Some(1)));
    assert!(m.right_residual.is_nan() && m.inverse_norm.is_nan());
    assert!(report.to_string().contains("There is no inverse."), "{report}");

    let report = of(&Mat::<f64>::new(2, 2, nan.to_vec()));
    let [m] = report.matrices[..] else { panic!("one matrix") };
    assert_eq!((m.status.code, m.verdict(), m.rank), (Code::NonFinite, Verdict::NoInverse, None));
    assert_eq!(report.picture.as_ref().unwrap().not_finite, Some((0, 1)));
    assert!(report.to_string().contains("row 0, column 1"), "{report}");

    let indefinite = Mat::<f64>::new(2, 2, vec![1.0, 2.0, 2.0, 1.0]);
    let report = assumed(&indefinite, Assume::Posdef);
    let [m] = report.matrices[..] else { panic!("one matrix") };
    assert_eq!((m.status.code, m.status.at), (Code::NotPositiveDefinite, 2));
    assert!(report.to_string().contains("said to be positive definite"), "{report}");

    // The inverse of a matrix this small is beyond the largest number.
    let report = of(&Mat::<f64>::new(2, 2, vec![1e-310, 0.0, 0.0, 1e-310]));
    assert_eq!(report.matrices[0].verdict(), Verdict::Worthless);
    assert!(report.to_string().contains("beyond the largest number"), "{report}");
}

#[test]
fn an_inverse_from_elsewhere_is_held_against_the_matrix() {
    let n = 6;
    let a = random::<f64>(n, 4.0);
    let x = mat(inv(a.view(), &Options::default()).unwrap());
    let against = |x: &Mat<f64>| {
        let report = report(a.view(), Some(x.view()), &Options::default()).unwrap();
        assert!(report.given);
        (report.matrices[0], report.to_string())
    };
    let (own, _) = against(&x);
    assert_eq!(own.verdict(), Verdict::Good);
    // Relative errors are bounded by the smaller residual, and it is no more than rcond below them.
    for power in 2..14 {
        let off = 10f64.powi(-power);
        let (m, _) = against(&x.map(|i, j, x| if (i, j) == (2, 3) { x + x * off } else { x }));
        let error = (x[(2, 3)] * off).abs() / norm1(&x);
        let bound = m.left_residual.min(m.right_residual);
        assert!(error <= bound * 1.001 && error >= bound * m.rcond * 0.999, "{error} {m:?}");
        assert!((m.digits.good as i32) <= power + 2, "{off}: {m:?}");
    }
    for (name, wrong) in [
        ("transposed", x.transposed()),
        ("negative", x.map(|_, _, x| -x)),
        ("NaN", x.map(|i, j, x| if i + j == 0 { f64::NAN } else { x })),
        ("single precision", x.map(|_, _, x| f64::from(x as f32))),
    ] {
        let (m, text) = against(&wrong);
        let few = if name == "single precision" { 7 } else { 0 };
        assert!(m.digits.good <= few && m.expected.good >= 13, "{name}: {m:?}");
        assert_eq!(m.rcond, own.rcond, "{name}: the matrix is what it was");
        if few == 0 {
            assert!(text.contains("is not the inverse of this matrix"), "{name}: {text}");
        }
    }
}

#[test]
fn structures_and_routes() {
    let general = random::<f64>(40, 0.0);
    let dominant = random::<f64>(40, 40.0);
    let lower = dominant.map(|i, j, x| if i >= j { x } else { 0.0 });
    let symmetric = general.map(|i, j, _| general[(i.max(j), i.min(j))]);
    let definite = dominant.map(|i, j, _| dominant[(i.max(j), i.min(j))]);
    let diagonal = dominant.map(|i, j, x| if i == j { x } else { 0.0 });
    for (a, structure, method, route) in [
        (&general, Structure::General, Method::Lu, "LU by columns"),
        (&lower, Structure::LowerTriangular, Method::Triangular, "triangular by blocks"),
        (
            &lower.transposed(),
            Structure::UpperTriangular,
            Method::Triangular,
            "triangular by blocks",
        ),
        (&symmetric, Structure::Symmetric, Method::Lu, "LU by columns"),
        (&definite, Structure::SymmetricPositiveDefinite, Method::Cholesky, "Cholesky by columns"),
        (&diagonal, Structure::Diagonal, Method::Triangular, "triangular by blocks"),
    ] {
        let report = of(a);
        let m = report.matrices[0];
        assert_eq!((m.structure, m.method), (structure, method));
        assert_eq!(report.route(m.method), route);
        assert!(!report.reason(m.method).is_empty());
    }
    let complex = random::<c64>(5, 20.0);
    let hermitian = complex.map(|i, j, x| match i.cmp(&j) {
        std::cmp::Ordering::Less => complex[(j, i)].conj(),
        std::cmp::Ordering::Equal => c64::new(x.re, 0.0),
        std::cmp::Ordering::Greater => x,
    });
    assert_eq!(of(&hermitian).matrices[0].structure, Structure::HermitianPositiveDefinite);
    let opposite = hermitian.map(|_, _, x| -x);
    assert_eq!(of(&opposite).matrices[0].structure, Structure::Hermitian);
    for (n, route) in [(3, "closed form"), (8, "LU by columns"), (100, "LU by blocks")] {
        let report = of(&random::<f64>(n, 1.0));
        assert_eq!(report.route(report.matrices[0].method), route);
    }
    // What is told is what is read: the other triangle may hold anything.
    let told = lower.map(|i, j, x| if i >= j { x } else { f64::NAN });
    let report = assumed(&told, Assume::Lower);
    let m = report.matrices[0];
    assert_eq!((m.structure, m.method), (Structure::LowerTriangular, Method::Triangular));
    assert_eq!((m.verdict(), m.norm), (Verdict::Good, norm1(&lower)));
}

#[test]
fn a_stack_is_told_worst_first() {
    let good = [2.0, 0.0, 0.0, 1.0];
    let care = [1.0, 1.0, 1.0, 1.0 + 1e-11];
    let worthless = [1.0, 1.0, 1.0, 1.0 + f64::EPSILON];
    let singular = [1.0, 2.0, 2.0, 4.0];
    let nan = [f64::NAN, 0.0, 0.0, 1.0];
    let a = stack(&[good, worthless, good, nan, care, singular, good]);
    let report = report(&a, None, &Options::default()).unwrap();
    assert_eq!(report.worst(10), [3, 5, 1, 4, 0, 2, 6]);
    assert_eq!(report.worst(2), [3, 5]);
    assert_eq!(report.counts(), [3, 1, 1, 2]);
    assert_eq!(report.picture.as_ref().unwrap().index, 3);
    let decades = report.histogram();
    assert!(decades.windows(2).all(|two| two[1].power == two[0].power + 1));
    assert_eq!(decades.iter().map(|d| d.count).sum::<usize>(), 5);
    assert_eq!((decades.last().unwrap().power, decades.last().unwrap().count), (-1, 3));
    let text = report.to_string();
    let at = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what} is not in\n{text}"));
    assert!(at("not finite") < at("singular"));
    assert!(text.contains("3 can be trusted, 1 to be taken with care, 1 worthless, 2 without"));
    let shape = [1, 7, 2, 2];
    let two = OwnedStack::from_vec(a.into_vec(), &shape).unwrap();
    let text = ainv::report(&two, None, &Options::default()).unwrap().to_string();
    assert!(text.contains("(0, 3)"), "{text}");
}

/// More matrices than are measured at a time.
#[test]
fn the_worst_of_many_is_found() {
    let (count, worst) = (300_000, 200_003);
    let mut numbers = [2.0, 1.0, 0.0, 1.0].repeat(count);
    numbers[4 * worst + 1] = 1e9;
    let a = OwnedStack::from_vec(numbers, &[count, 2, 2]).unwrap();
    let report = report(&a, None, &Options::default()).unwrap();
    assert_eq!(report.picture.as_ref().unwrap().index, worst);
    assert_eq!(report.worst(1), [worst]);
    assert_eq!(report.matrices.len(), count);
    assert_eq!(report.counts()[0], count - 1);
}

#[test]
fn units_are_named_where_they_are_to_blame() {
    let n = 5;
    let a = random::<f64>(n, 3.0);
    let scaled = a.map(|i, j, x| x * 1e4f64.powi(i as i32) / 1e3f64.powi(j as i32));
    let report = of(&scaled);
    let better = report.picture.as_ref().unwrap().scaled_rcond.expect("scaling helps");
    assert!(better > 1e-3 && report.matrices[0].digits.are_few(), "{better}");
    assert!(report.to_string().contains("Change the units"), "{report}");
    let report = of(&hilbert(12));
    assert_eq!(report.picture.as_ref().unwrap().scaled_rcond, None);
    assert!(!report.to_string().contains("Change the units"), "{report}");
}

#[test]
fn heat_maps_keep_the_largest_of_each_cell() {
    let n = 150;
    let mut a = Mat::<f64>::identity(n);
    a[(149, 77)] = -40.0;
    let picture = of(&a).picture.unwrap();
    let grid = picture.matrix;
    assert!((grid.order, grid.side, grid.is_coarse()) == (n, 64, true));
    assert_eq!(grid.cells[63 * 64 + 77 * 64 / n], 40.0);
    assert_eq!(grid.cells.iter().filter(|x| **x > 0.0).count(), 65);
    assert_eq!(picture.singular_values.unwrap().len(), n);
}

#[test]
fn edges() {
    let none = OwnedStack::<f64>::zeros(&[0, 3, 3]).unwrap();
    let report = report(&none, None, &Options::default()).unwrap();
    assert!(report.picture.is_none() && report.histogram().is_empty());
    assert!(report.to_string().contains("There is no matrix."), "{report}");
    let empty = OwnedStack::<f64>::zeros(&[2, 0, 0]).unwrap();
    let report = ainv::report(&empty, None, &Options::default()).unwrap();
    assert_eq!((report.matrices[0].verdict(), report.matrices[0].rank), (Verdict::Good, Some(0)));

    let flat = Mat::<f64>::zeros(2, 3);
    let error = ainv::report(flat.view(), None, &Options::default()).unwrap_err();
    assert!(matches!(error, Error::Shape { .. }), "{error}");
    let (two, three) = (Mat::<f64>::identity(2), Mat::<f64>::identity(3));
    let error = ainv::report(two.view(), Some(three.view()), &Options::default()).unwrap_err();
    assert!(error.to_string().contains("the inverses are 1 of 3 x 3"), "{error}");
    let cancel = Cancel::new();
    cancel.cancel();
    let options = Options { cancel: Some(cancel), ..Options::default() };
    let error = ainv::report(hilbert(30).view(), None, &options).unwrap_err();
    assert_eq!(error, Error::Cancelled);
}

#[test]
fn text_fits_a_terminal() {
    for n in [3, 12] {
        for line in of(&hilbert(n)).to_string().lines() {
            assert!(line.chars().count() <= 100, "{line}");
        }
    }
}

/// The page, as a browser gets it.
#[cfg(feature = "html")]
mod page {
    use super::*;

    /// Every tag is closed in its turn; what it is made of.
    fn tags(page: &str) -> Vec<&str> {
        let void = ["meta", "br"];
        let (mut open, mut all) = (Vec::new(), Vec::new());
        let mut rest = page.strip_prefix("<!DOCTYPE html>").unwrap_or(page);
        while let Some(start) = rest.find('<') {
            assert!(!rest[..start].contains('>'), "a loose > in {}", &rest[..start]);
            let end = start + rest[start..].find('>').expect("a tag ends");
            let tag = &rest[start + 1..end];
            rest = &rest[end + 1..];
            let name = tag.trim_start_matches('/').split([' ', '/', '\n']).next().unwrap();
            all.push(name);
            if tag.starts_with('/') {
                assert_eq!(open.pop(), Some(name), "before {}", &rest[..rest.len().min(80)]);
            } else if !tag.ends_with('/') && !void.contains(&name) {
                open.push(name);
            }
        }
        assert!(open.is_empty(), "not closed: {open:?}");
        all
    }

    fn count(tags: &[&str], name: &str) -> usize {
        tags.iter().filter(|tag| **tag == name).count()
    }

    #[test]
    fn is_whole_and_needs_no_other_file() {
        for a in [hilbert(3), hilbert(12), random::<f64>(200, 1.0)] {
            let report = of(&a);
            let page = html_page(&[("a.npy", &report)]);
            let tags = tags(&page);
            // Singular values and three heat maps.
            assert_eq!(count(&tags, "svg"), 2 * 4);
            assert_eq!(count(&tags, "script") + count(&tags, "img") + count(&tags, "link"), 0);
            let linked = page.replace("http://www.w3.org/2000/svg", "");
            assert!(
                !linked.contains("http") && !linked.contains("url(") && !linked.contains("@import")
            );
            assert!(page.contains("<title>a.npy</title>"));
            tags_of_a_fragment(&report);
        }
    }

    fn tags_of_a_fragment(report: &Report) {
        let fragment = report.to_html();
        tags(&fragment);
        assert!(fragment.starts_with("<style>") && !fragment.contains("<html"));
        // Its rules are for itself: a notebook has others.
        let style = &fragment[7..fragment.find("</style>").unwrap()];
        for rule in style.split('}').filter(|rule| rule.contains('{')) {
            let selector = rule.rsplit_once('{').unwrap().0.trim();
            assert!(selector.contains(".ainv-report"), "{selector}");
        }
    }

    #[test]
    fn names_cannot_be_markup() {
        let hostile = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>&amp;\u{1b}";
        let page = html_page(&[(hostile, &of(&hilbert(2)))]);
        let tags = tags(&page);
        assert_eq!(count(&tags, "script") + count(&tags, "img"), 0);
        assert!(!page.contains('\u{1b}'));
        assert!(page.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&gt;&lt;img"));
        assert!(page.contains("&amp;amp;"));
    }

    #[test]
    fn a_stack_has_a_histogram_and_its_worst() {
        let mut matrices = vec![[2.0, 0.0, 0.0, 1.0]; 30];
        matrices[17] = [1.0, 1.0, 1.0, 1.0 + 1e-11];
        let report = report(&stack(&matrices), None, &Options::default()).unwrap();
        let page = html_page(&[("", &report)]);
        let tags = tags(&page);
        assert_eq!(count(&tags, "svg"), 2 * 5);
        // The head and twenty rows; what is known of the worst has eleven.
        assert_eq!(count(&tags, "tr"), 2 * (21 + 11));
        assert!(page.contains("Can these inverses be trusted?") && page.contains("And 10 more."));
        assert!(page.contains("The worst one: matrix 17"));
        matrices.fill([1.0, 2.0, 2.0, 4.0]);
        let report = ainv::report(&stack(&matrices), None, &Options::default()).unwrap();
        assert_eq!(count(&super::page::tags(&report.to_html()), "svg"), 2 * 2);
    }

    #[test]
    fn a_large_matrix_has_a_small_page() {
        let n = 1100;
        let report = of(&random::<f64>(n, 40.0));
        let page = report.to_html();
        assert!(page.len() < 1_000_000, "{} bytes", page.len());
        assert_eq!(count(&tags(&page), "svg"), 2 * 3);
        assert!(page.contains("not drawn above order 1024") && page.contains("up to 18 x 18"));
    }

    #[test]
    fn pictures_say_what_is_in_them() {
        // Blank for zero: the identity has as many cells as rows.
        let page = of(&Mat::<f64>::identity(9)).to_html();
        let maps: Vec<_> = page.split("<svg ").skip(2).collect();
        let cells = |map: &str, size: &str| map.matches(size).count();
        let side = format!("width=\"{0}\" height=\"{0}\"", 256 / 9);
        assert_eq!(cells(maps[0], &side), 9);
        // The residual is zero everywhere.
        assert_eq!(cells(maps[2], &side), 0);
        assert!(page.contains("Blank is zero."));
        // A value that is rounding is red.
        let dots = |n: usize| {
            let page = of(&hilbert(n)).to_html();
            let dots: Vec<_> = page.lines().filter(|l| l.starts_with("<circle")).collect();
            (dots.len(), dots.iter().filter(|dot| dot.contains("#D63B3B")).count())
        };
        assert_eq!(dots(5), (5, 0));
        let (all, red) = dots(14);
        assert!(all == 14 && (1..=4).contains(&red), "{red} of {all}");
    }
}
