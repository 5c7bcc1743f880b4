//! A table as a Parquet file, a group of rows in memory at a time. The columns have the types that pyarrow
//! gives them: every value may be absent, lists are groups of three levels.

use std::fs::File;
use std::sync::Arc;

use parquet::basic::{Compression, ConvertedType, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, FloatType, Int64Type};
use parquet::errors::Result;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{Type, TypePtr};

/// About how many bytes of a group of rows are in memory.
const GROUP: usize = 16 << 20;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holds {
    Whole,
    Float,
    Double,
    Text,
    Floats,
    Doubles,
    Wholes,
    Texts,
    /// The bytes of an image's file, and no path.
    Image,
}

/// A value of a row.
#[derive(Debug, Clone)]
pub(crate) enum Datum<'a> {
    Absent,
    Whole(i64),
    Float(f32),
    Double(f64),
    Text(&'a str),
    Floats(&'a [f32]),
    Doubles(&'a [f64]),
    Wholes(&'a [i64]),
    Texts(&'a [String]),
    Image(Arc<[u8]>),
}

/// The values of a column in the open group. Levels say where a value is absent and where a list begins.
#[derive(Default)]
struct Values<T> {
    values: Vec<T>,
    present: Vec<i16>,
    begins: Vec<i16>,
}

enum Buffer {
    Whole(Values<i64>),
    Float(Values<f32>),
    Double(Values<f64>),
    Bytes(Values<ByteArray>),
    Image(Values<ByteArray>),
}

pub(crate) struct Table {
    writer: SerializedFileWriter<File>,
    columns: Vec<Buffer>,
    bytes: usize,
}

impl Table {
    /// Begins a table in a file. `metadata` is kept in the file's footer.
    pub fn begin(
        file: File,
        columns: &[(String, Holds)],
        metadata: &[(&str, String)],
    ) -> Result<Table> {
        let fields = columns.iter().map(|(name, holds)| field(name, *holds));
        let fields = fields.collect::<Result<Vec<TypePtr>>>()?;
        let schema = Type::group_type_builder("schema")
            .with_fields(fields)
            .build()?;
        let pairs = metadata
            .iter()
            .map(|(key, value)| KeyValue::new((*key).to_owned(), value.clone()));
        let pairs: Vec<KeyValue> = pairs.collect();
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(concat!("kilohertz ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_key_value_metadata((!pairs.is_empty()).then_some(pairs))
            .build();
        let writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties))?;
        let buffer = |(_, holds): &(String, Holds)| match holds {
            Holds::Whole | Holds::Wholes => Buffer::Whole(Values::default()),
            Holds::Float | Holds::Floats => Buffer::Float(Values::default()),
            Holds::Double | Holds::Doubles => Buffer::Double(Values::default()),
            Holds::Text | Holds::Texts => Buffer::Bytes(Values::default()),
            Holds::Image => Buffer::Image(Values::default()),
        };
        Ok(Table {
            writer,
            columns: columns.iter().map(buffer).collect(),
            bytes: 0,
        })
    }

    /// Appends a row, which has a value for each column.
    pub fn push(&mut self, row: &[Datum<'_>]) -> Result<()> {
        assert_eq!(
            row.len(),
            self.columns.len(),
            "a row has a value for each column"
        );
        for (buffer, datum) in self.columns.iter_mut().zip(row) {
            self.bytes += buffer.push(datum);
        }
        match self.bytes >= GROUP {
            true => self.write_group(),
            false => Ok(()),
        }
    }

    /// Returns about how many bytes the file has.
    pub fn len(&self) -> u64 {
        self.writer.bytes_written() as u64 + self.bytes as u64
    }

    fn write_group(&mut self) -> Result<()> {
        self.bytes = 0;
        let mut group = self.writer.next_row_group()?;
        for buffer in &mut self.columns {
            buffer.write(&mut group)?;
        }
        group.close()?;
        Ok(())
    }

    /// Writes what is left and the footer.
    pub fn finish(mut self) -> Result<()> {
        if self.bytes > 0 {
            self.write_group()?;
        }
        self.writer.close()?;
        Ok(())
    }
}

impl<T> Values<T> {
    fn one(&mut self, value: T) {
        self.values.push(value);
        self.present.push(1);
    }

    fn list(&mut self, values: impl IntoIterator<Item = T>) {
        let before = self.values.len();
        self.values.extend(values);
        let count = self.values.len() - before;
        // A list that is there and empty has one level and no value.
        self.present.extend(std::iter::repeat_n(3, count));
        self.begins
            .extend((0..count).map(|index| i16::from(index > 0)));
        if count == 0 {
            self.present.push(1);
            self.begins.push(0);
        }
    }

    fn write<D: DataType<T = T>>(
        &mut self,
        group: &mut SerializedRowGroupWriter<'_, File>,
    ) -> Result<()> {
        if let Some(mut column) = group.next_column()? {
            let begins = (!self.begins.is_empty()).then_some(&self.begins[..]);
            column
                .typed::<D>()
                .write_batch(&self.values, Some(&self.present), begins)?;
            column.close()?;
        }
        self.values.clear();
        self.present.clear();
        self.begins.clear();
        Ok(())
    }
}

impl Buffer {
    /// Appends a value and returns about how many bytes it has.
    fn push(&mut self, datum: &Datum<'_>) -> usize {
        match (self, datum) {
            (Buffer::Whole(values), Datum::Whole(value)) => values.one(*value),
            (Buffer::Float(values), Datum::Float(value)) => values.one(*value),
            (Buffer::Double(values), Datum::Double(value)) => values.one(*value),
            (Buffer::Bytes(values), Datum::Text(text)) => {
                values.one(ByteArray::from(text.as_bytes().to_vec()))
            }
            (Buffer::Whole(values), Datum::Wholes(list)) => values.list(list.iter().copied()),
            (Buffer::Float(values), Datum::Floats(list)) => values.list(list.iter().copied()),
            (Buffer::Double(values), Datum::Doubles(list)) => values.list(list.iter().copied()),
            (Buffer::Bytes(values), Datum::Texts(list)) => {
                values.list(
                    list.iter()
                        .map(|text| ByteArray::from(text.as_bytes().to_vec())),
                );
            }
            (Buffer::Image(values), Datum::Image(bytes)) => {
                values.values.push(ByteArray::from(bytes.to_vec()));
                values.present.push(2);
            }
            (Buffer::Whole(values), Datum::Absent) => values.present.push(0),
            (Buffer::Float(values), Datum::Absent) => values.present.push(0),
            (Buffer::Double(values), Datum::Absent) => values.present.push(0),
            (Buffer::Bytes(values) | Buffer::Image(values), Datum::Absent) => {
                values.present.push(0)
            }
            (_, datum) => unreachable!("a column has values of its own type, and not {datum:?}"),
        }
        match datum {
            Datum::Text(text) => 8 + text.len(),
            Datum::Floats(list) => 8 * list.len(),
            Datum::Doubles(list) => 12 * list.len(),
            Datum::Wholes(list) => 12 * list.len(),
            Datum::Texts(list) => list.iter().map(|text| 8 + text.len()).sum(),
            Datum::Image(bytes) => bytes.len(),
            _ => 10,
        }
    }

    fn write(&mut self, group: &mut SerializedRowGroupWriter<'_, File>) -> Result<()> {
        match self {
            Buffer::Whole(values) => values.write::<Int64Type>(group),
            Buffer::Float(values) => values.write::<FloatType>(group),
            Buffer::Double(values) => values.write::<DoubleType>(group),
            Buffer::Bytes(values) => values.write::<ByteArrayType>(group),
            Buffer::Image(values) => {
                // An image that is there has no path.
                let present = values.present.iter().map(|&level| level.min(1)).collect();
                values.write::<ByteArrayType>(group)?;
                let mut paths = Values {
                    values: Vec::new(),
                    present,
                    begins: Vec::new(),
                };
                paths.write::<ByteArrayType>(group)
            }
        }
    }
}

fn field(name: &str, holds: Holds) -> Result<TypePtr> {
    let one = |name: &str, physical| -> Result<TypePtr> {
        let builder =
            Type::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL);
        Ok(Arc::new(builder.build()?))
    };
    let text = |name: &str| -> Result<TypePtr> {
        let builder = Type::primitive_type_builder(name, Physical::BYTE_ARRAY)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(Some(LogicalType::String))
            .with_converted_type(ConvertedType::UTF8);
        Ok(Arc::new(builder.build()?))
    };
    let list = |element: TypePtr| -> Result<TypePtr> {
        let repeated = Type::group_type_builder("list")
            .with_repetition(Repetition::REPEATED)
            .with_fields(vec![element])
            .build()?;
        let builder = Type::group_type_builder(name)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(Some(LogicalType::List))
            .with_converted_type(ConvertedType::LIST)
            .with_fields(vec![Arc::new(repeated)]);
        Ok(Arc::new(builder.build()?))
    };
    match holds {
        Holds::Whole => one(name, Physical::INT64),
        Holds::Float => one(name, Physical::FLOAT),
        Holds::Double => one(name, Physical::DOUBLE),
        Holds::Text => text(name),
        Holds::Wholes => list(one("element", Physical::INT64)?),
        Holds::Floats => list(one("element", Physical::FLOAT)?),
        Holds::Doubles => list(one("element", Physical::DOUBLE)?),
        Holds::Texts => list(text("element")?),
        Holds::Image => {
            let builder = Type::group_type_builder(name)
                .with_repetition(Repetition::OPTIONAL)
                .with_fields(vec![one("bytes", Physical::BYTE_ARRAY)?, text("path")?]);
            Ok(Arc::new(builder.build()?))
        }
    }
}
