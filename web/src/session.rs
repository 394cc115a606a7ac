//! What the page asks for, and what was computed last.

use crate::{measure, picture};
use ainv::{
    Assume, OnSingular, Options, OwnedStack, PinvOptions, Precision, Scalar, Status, Summary,
};
use ainv_io::{Declared, Dtype, Format, Matrices, Sink, Source, each};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes that the matrices of a file may take. With their inverses and what measures them that is most of what
/// 32-bit addresses reach.
const LARGEST: u64 = 256 << 20;

/// Remembers the last result.
pub(crate) struct Session {
    done: Option<Done>,
}

struct Done {
    a: Matrices,
    x: Matrices,
    options: Options,
    pseudo: bool,
}

impl Session {
    pub(crate) const fn new() -> Session {
        Session { done: None }
    }

    /// Answers a question with JSON or, where that was asked for, with a file.
    ///
    /// # Errors
    /// What went wrong, in words.
    pub(crate) fn ask(&mut self, question: &[u8], file: Vec<u8>) -> Result<Vec<u8>, String> {
        let question: Value = serde_json::from_slice(question).map_err(|e| e.to_string())?;
        let word = |name: &str| question[name].as_str().unwrap_or("");
        let number = |name: &str| question[name].as_u64().unwrap_or(0) as usize;
        let answer = match word("do") {
            "invert" => {
                self.done = None;
                let source = if question["pasted"] == json!(true) {
                    let (text, format) = pasted(&file)?;
                    Source::from_bytes(text, word("name"), format)
                } else {
                    let format = Format::of(word("name").as_ref()).map_err(|e| e.to_string())?;
                    Source::from_bytes(file, word("name"), format)
                };
                let source = source.map_err(|e| e.to_string())?;
                let options = Options {
                    assume: assume(word("assume")),
                    on_singular: OnSingular::Nan,
                    // As the command computes.
                    precision: Precision::Double,
                    ..Options::default()
                };
                self.invert(source, number("array"), options, word("operation") == "pinv")?
            }
            "judge" => self.done()?.judge()?,
            "table" => {
                let x = &self.done()?.x;
                each!(x, x => picture::table(x, number("index")))
            }
            "save" => return self.done()?.save(word("format")),
            other => return Err(format!("{other:?} is no question")),
        };
        serde_json::to_vec(&answer).map_err(|e| e.to_string())
    }

    fn done(&self) -> Result<&Done, String> {
        self.done.as_ref().ok_or_else(|| "nothing has been computed yet".to_owned())
    }

    fn invert(
        &mut self,
        mut source: Source,
        array: usize,
        options: Options,
        pseudo: bool,
    ) -> Result<Value, String> {
        let names: Vec<_> = source.arrays().iter().filter_map(|info| info.name.clone()).collect();
        let array = array.min(source.arrays().len() - 1);
        let info = source.arrays()[array].clone();
        let [.., rows, cols] = info.shape[..] else { return Err("no matrix".to_owned()) };
        let count = info.matrices();
        if count * rows * cols == 0 {
            return Err(format!("there is no number in it: its shape is {:?}", info.shape));
        }
        let a = source.read(array, LARGEST).map_err(|e| e.to_string())?;
        drop(source);
        let pseudo = pseudo || rows != cols;
        let done = each!(&a, a => invert(a, pseudo, &options).map(|(x, s)| (Matrices::from(x), s)));
        let (x, summary) = done.map_err(|e| e.to_string())?;
        let failed = summary.first.map(|(index, status)| {
            ainv::Error::Matrix { index, status, failed: summary.failed }.to_string()
        });
        let matrices = if count == 1 { "matrix" } else { "matrices" };
        let formats: &[&str] = if count == 1 { &["csv", "npy", "mtx"] } else { &["npy"] };
        let answer = json!({
            "what": format!("{count} {} {matrices} of {rows} \u{d7} {cols}", info.dtype),
            "arrays": names,
            "array": array,
            "count": count,
            "square": rows == cols,
            "operation": if pseudo { "pinv" } else { "inv" },
            "failed": failed,
            // Of none of them there is anything to show.
            "table": if summary.failed < count { each!(&x, x => picture::table(x, 0)) } else { Value::Null },
            "formats": formats,
        });
        self.done = Some(Done { a, x, options, pseudo });
        Ok(answer)
    }
}

fn invert<T: Scalar>(
    a: &OwnedStack<T>,
    pseudo: bool,
    options: &Options,
) -> Result<(OwnedStack<T>, Summary), ainv::Error> {
    let mut shape = a.shape().to_vec();
    if pseudo {
        let axes = shape.len();
        shape.swap(axes - 2, axes - 1);
    }
    let mut x = OwnedStack::zeros(&shape)?;
    let mut status = vec![Status::default(); a.view().len()];
    let summary = match pseudo {
        true => {
            let pinv = PinvOptions::default();
            ainv::pinv_into(a.view(), x.view_mut(), &pinv, &mut status, options)?
        }
        false => ainv::inv_into(a.view(), x.view_mut(), &mut status, options)?,
    };
    Ok((x, summary))
}

impl Done {
    fn judge(&self) -> Result<Value, String> {
        if !self.pseudo {
            return each!(&self.a, a => measure::inverses(a, &self.options));
        }
        let dtype = self.a.dtype();
        let wide = if dtype.is_complex() { Dtype::C64 } else { Dtype::F64 };
        let of = if matches!(dtype, Dtype::F32 | Dtype::C32) { 7 } else { 16 };
        let cast = |of: &Matrices| of.clone().cast(wide).map_err(|e| e.to_string());
        match (cast(&self.a)?, cast(&self.x)?) {
            (Matrices::F64(a), Matrices::F64(x)) => measure::pseudo_inverses(&a, &x, of),
            (Matrices::C64(a), Matrices::C64(x)) => measure::pseudo_inverses(&a, &x, of),
            _ => Ok(Value::Null),
        }
    }

    fn save(&self, format: &str) -> Result<Vec<u8>, String> {
        let format: Format = format.parse()?;
        let file = Shared::default();
        let shape = self.x.shape().to_vec();
        let declared = Declared { name: None, dtype: self.x.dtype(), shape };
        let sink = Sink::to_writer(file.clone(), "the result", format, &[declared]);
        let write = sink.and_then(|mut sink| sink.write(&self.x).and_then(|()| sink.finish()));
        write.map_err(|e| e.to_string())?;
        let mut bytes = file.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(std::mem::take(&mut bytes))
    }
}

/// A file in memory.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn assume(name: &str) -> Assume {
    match name {
        "general" => Assume::General,
        "symmetric" => Assume::Symmetric,
        "hermitian" => Assume::Hermitian,
        "posdef" => Assume::Posdef,
        "lower" => Assume::Lower,
        "upper" => Assume::Upper,
        "diagonal" => Assume::Diagonal,
        _ => Assume::Auto,
    }
}

/// A text has no ending: what stands in it says what it is. Numbers with blanks between them become a table.
fn pasted(text: &[u8]) -> Result<(Vec<u8>, Format), String> {
    let text = std::str::from_utf8(text).map_err(|_| "this is not UTF-8 text".to_owned())?.trim();
    let format = match () {
        _ if text.starts_with("%%MatrixMarket") => Format::Mtx,
        _ if text.contains('\t') => Format::Tsv,
        _ if text.contains(',') => Format::Csv,
        _ => {
            let line = |line: &str| line.split_whitespace().collect::<Vec<_>>().join("\t");
            let lines: Vec<_> = text.lines().map(line).collect();
            return Ok((lines.join("\n").into_bytes(), Format::Tsv));
        }
    };
    Ok((text.as_bytes().to_vec(), format))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(question: Value, file: &[u8]) -> (Session, Result<Value, String>) {
        let mut session = Session::new();
        let question = serde_json::to_vec(&question).unwrap();
        let answer = session.ask(&question, file.to_vec());
        (session, answer.map(|json| serde_json::from_slice(&json).unwrap()))
    }

    fn paste(text: &str, operation: &str, assume: &str) -> (Session, Result<Value, String>) {
        let question = json!({"do": "invert", "pasted": true, "name": "pasted", "operation": operation, "assume": assume});
        asked(question, text.as_bytes())
    }

    fn judged(mut session: Session) -> Value {
        serde_json::from_slice(&session.ask(br#"{"do": "judge"}"#, Vec::new()).unwrap()).unwrap()
    }

    fn shown(answer: &Value) -> Vec<Vec<&str>> {
        let rows = answer["table"]["cells"].as_array().unwrap().iter();
        rows.map(|row| row.as_array().unwrap().iter().map(|x| x[0].as_str().unwrap()).collect())
            .collect()
    }

    #[test]
    fn what_is_pasted_is_read_by_what_stands_in_it() {
        let mtx = "%%MatrixMarket matrix coordinate real general\n2 2 3\n1 1 2\n2 1 2\n2 2 4\n";
        for text in ["2,0\n2,4", "2\t0\n2\t4\n\n", "  2 0\r\n2   4", "2, 0\r\n2, 4\r\n", mtx] {
            let (_, answer) = paste(text, "inv", "auto");
            assert_eq!(shown(&answer.unwrap()), [["0.5", "0"], ["-0.25", "0.25"]], "{text:?}");
        }
        let (_, answer) = paste("1 2\n3 x", "inv", "auto");
        assert_eq!(answer.unwrap_err(), "pasted, line 2, field 2: \"x\" is not a number");
        assert!(paste("  ", "inv", "auto").1.unwrap_err().contains("no numbers in it"));
    }

    #[test]
    fn an_inverse_is_judged_by_the_library() {
        let (session, answer) = paste("1 2\n3 4", "inv", "auto");
        let answer = answer.unwrap();
        assert_eq!(shown(&answer), [["-2", "1"], ["1.5", "-0.5"]]);
        assert_eq!(answer["what"], "1 float64 matrix of 2 \u{d7} 2");
        let judged = judged(session);
        assert_eq!(
            (&judged["verdict"], &judged["headline"]),
            (&json!("good"), &json!("This inverse can be trusted."))
        );
        let labels: Vec<_> = judged["measured"].as_array().unwrap().iter().map(|m| &m[0]).collect();
        for label in ["Digits", "rcond", "Right residual", "Left residual", "Rank", "Status"] {
            assert!(labels.iter().any(|l| **l == label), "{label}: {labels:?}");
        }
        assert_eq!(judged["maps"].as_array().unwrap().len(), 3);
        assert_eq!(judged["singular_values"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn a_singular_matrix_is_told_in_the_librarys_words() {
        let (session, answer) = paste("1,2\n2,4", "inv", "auto");
        let answer = answer.unwrap();
        let failed = answer["failed"].as_str().unwrap();
        assert!(failed.starts_with("Singular matrix (Batch element 0)"), "{failed}");
        assert_eq!(answer["table"], Value::Null);
        let judged = judged(session);
        assert_eq!(judged["headline"], "There is no inverse.");
        assert!(judged["advice"].to_string().contains("pinv"), "{}", judged["advice"]);

        let (_, answer) = paste("1,2\n2,1", "inv", "posdef");
        let failed = answer.unwrap()["failed"].to_string();
        assert!(failed.contains("not positive definite"), "{failed}");
    }

    #[test]
    fn pseudo_inverses_of_every_rank() {
        for (text, rank, means) in [
            ("1,0\n0,1\n0,0", "2 of 2", "least-squares"),
            ("1,0,0\n0,2,0", "2 of 2", "shortest solution"),
            ("1,1,1\n1,1,1\n1,1,1", "1 of 3", "rank 1 of 3"),
            ("4,1\n1,3", "2 of 2", "this is its inverse"),
            ("0,0\n0,0", "0 of 2", "rank 0 of 2"),
        ] {
            let (session, answer) = paste(text, "pinv", "auto");
            assert_eq!(answer.unwrap()["operation"], "pinv");
            let judged = judged(session);
            let value = |label: &str| {
                let rows = judged["measured"].as_array().unwrap();
                let found = rows.iter().find(|row| row[0] == label)?;
                Some(found[1].as_str().unwrap().to_owned())
            };
            assert_eq!(value("Rank").as_deref(), Some(rank), "{text:?}");
            assert!(judged["why"].as_str().unwrap().contains(means), "{text:?}: {}", judged["why"]);
            assert_eq!(judged["verdict"], "good", "{text:?}");
            for label in ["|A X A \u{2212} A|", "|X A X \u{2212} X|"] {
                assert!(value(label).unwrap().parse::<f64>().unwrap() < 1e-15, "{text:?}");
            }
            let (right, left) = (value("Right residual"), value("Left residual"));
            assert_eq!(right.is_some(), matches!(text, "1,0,0\n0,2,0" | "4,1\n1,3"), "{text:?}");
            assert_eq!(left.is_some(), matches!(text, "1,0\n0,1\n0,0" | "4,1\n1,3"), "{text:?}");
        }
        let (_, answer) = paste("1,2\n3,4\n5,6", "inv", "auto");
        let answer = answer.unwrap();
        assert_eq!((&answer["operation"], &answer["square"]), (&json!("pinv"), &json!(false)));
    }

    #[test]
    fn files_stacks_and_what_is_saved() {
        let a = [2.0, 0.0, 0.0, 4.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 3.0, 4.0];
        let a = Matrices::from(OwnedStack::<f64>::from_vec(a.to_vec(), &[3, 2, 2]).unwrap());
        let file = Shared::default();
        let declared = Declared { name: None, dtype: Dtype::F64, shape: vec![3, 2, 2] };
        let mut sink = Sink::to_writer(file.clone(), "a", Format::Npy, &[declared]).unwrap();
        sink.write(&a).unwrap();
        sink.finish().unwrap();
        let bytes = file.0.lock().unwrap().clone();

        let question = json!({"do": "invert", "name": "a.npy", "operation": "inv"});
        let (mut session, answer) = asked(question, &bytes);
        let answer = answer.unwrap();
        assert!(answer["failed"].as_str().unwrap().contains("(Batch element 1)"));
        assert_eq!((&answer["count"], &answer["formats"]), (&json!(3), &json!(["npy"])));
        assert_eq!(shown(&answer), [["0.5", "0"], ["0", "0.25"]]);
        let table = session.ask(br#"{"do": "table", "index": 2}"#, Vec::new()).unwrap();
        let table: Value = serde_json::from_slice(&table).unwrap();
        assert_eq!(shown(&json!({ "table": table })), [["-2", "1"], ["1.5", "-0.5"]]);

        let saved = session.ask(br#"{"do": "save", "format": "npy"}"#, Vec::new()).unwrap();
        let mut saved = Source::from_bytes(saved, "x.npy", Format::Npy).unwrap();
        let Matrices::F64(x) = saved.read(0, LARGEST).unwrap() else { panic!("float64") };
        assert_eq!((&x.as_slice()[..4], x.shape()), (&[0.5, 0.0, 0.0, 0.25][..], &[3, 2, 2][..]));
        assert!(session.ask(br#"{"do": "save", "format": "csv"}"#, Vec::new()).is_err());
        let judged = judged(session);
        assert_eq!(
            (&judged["matrix"], &judged["headline"]),
            (&json!(1), &json!("There is no inverse."))
        );

        let (mut session, _) = paste("3,0\n0,4", "inv", "auto");
        let saved = session.ask(br#"{"do": "save", "format": "csv"}"#, Vec::new()).unwrap();
        assert_eq!(saved, b"0.3333333333333333,0.0\n0.0,0.25\n");
        let (mut session, failed) = asked(json!({"do": "invert", "name": "a.doc"}), b"1");
        assert!(failed.unwrap_err().contains("the ending names no known format"));
        assert!(session.ask(br#"{"do": "judge"}"#, Vec::new()).is_err());
    }
}
