//! `dropmask:Dropout(x, ratio, training_mode, key, first_row) -> y` in ONNX Runtime: ONNX `Dropout` as a pure function
//! of the key of the pass, which is an input. A row has the same bits in any batch: `first_row` is the number of the
//! first.

use dropmask::{Key, Probability};
use ort::operator::{ComputeContext, Kernel, KernelContext, Operator, OperatorInput, OperatorOutput};
use ort::value::TensorElementType::{Bool, Float32, Int64};
use ort::{Error, Result};

/// For `OperatorDomain::new("dropmask")?.add(KeyedDropout)?`.
pub struct KeyedDropout;

pub struct DropoutKernel {
    /// The number of the node, by which the key of the pass is derived.
    layer: u64,
}

// No INPLACES: with it, input and output may be the same memory, which two slices must not be.
impl Operator for KeyedDropout {
    type Kernel<'attr> = DropoutKernel;

    fn name(&self) -> &'static str {
        "Dropout"
    }

    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        let (required, optional) = (OperatorInput::required, OperatorInput::optional);
        [required(Float32), optional(Float32), optional(Bool), required(Int64), required(Int64)]
    }

    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [OperatorOutput::required(Float32)]
    }

    fn create_kernel(&self, ctx: &KernelContext<'_>) -> Result<DropoutKernel> {
        let layer: i64 = ctx.get("layer").ok_or_else(|| Error::new("a Dropout without the attribute layer"))?;
        Ok(DropoutKernel { layer: layer as u64 })
    }
}

impl Kernel for DropoutKernel {
    fn compute(&mut self, ctx: &ComputeContext) -> Result<()> {
        let absent = || Error::new("a Dropout without an input or output");
        let required = |input| ctx.input(input)?.ok_or_else(absent);
        let x = required(0)?;
        let (shape, x) = x.try_extract_tensor::<f32>()?;
        let mut y = ctx.output(0, shape.to_vec())?.ok_or_else(absent)?;
        let y = y.try_extract_tensor_mut::<f32>()?.1;

        let ratio = ctx.input(1)?.map_or(Ok(0.5), |ratio| ratio.try_extract_scalar::<f32>())?;
        if !ctx.input(2)?.map_or(Ok(false), |mode| mode.try_extract_scalar::<bool>())? {
            y.copy_from_slice(x);
            return Ok(());
        }
        let key = Key::from_raw(required(3)?.try_extract_scalar::<i64>()? as u64); // the same 64 bits
        let first_row = u64::try_from(required(4)?.try_extract_scalar::<i64>()?);
        let first_row = first_row.map_err(|_| Error::new("first_row is negative"))?;
        let offset = shape.iter().skip(1).try_fold(first_row, |offset, len| offset.checked_mul(*len as u64));
        let offset = offset.ok_or_else(|| Error::new("first_row is too large"))?;
        let dropout = dropmask::Dropout::new(key.derive(self.layer), Probability::new(ratio).map_err(Error::wrap)?);
        dropout.with_offset(offset).forward(x, y).map_err(Error::wrap)
    }
}
