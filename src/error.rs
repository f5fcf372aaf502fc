//! Refusals: the call was wrong, and nothing was written.

use core::fmt;

/// What was wrong. The discriminants are the negative status codes of the C interface; numbers
/// are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A pointer is NULL.
    Null = -10,
    /// `struct_size` is unknown, or a newer field that this library does not know is not zero.
    StructSize = -11,
    /// A pointer is not aligned to its element type.
    Alignment = -12,
    /// An output or work range overlaps another argument.
    Overlap = -13,
    /// The feature was left out when this library was built.
    NotBuilt = -14,
    /// An enumeration holds a value that does not exist, or has no meaning for this call.
    Kind = -15,
    /// A dimension is zero.
    Empty = -20,
    /// Lengths or shapes do not fit each other.
    Shape = -21,
    /// Strides let two entries of an output share an address.
    Stride = -22,
    /// A dimension exceeds 2^32 - 1, an extent in bytes the address space, or the square of a
    /// distance the range of the type.
    TooLarge = -23,
    /// The work buffer is shorter than the work length.
    WorkTooSmall = -24,
    /// An entry is NaN.
    NotANumber = -30,
    /// An entry is infinite where that has no meaning.
    Infinite = -31,
    /// A weight is negative.
    Negative = -32,
    /// All weights of a side are zero.
    ZeroMass = -33,
    /// The masses that two sides prescribe differ by more than rounding: those of two exact sides,
    /// or that of weights that a ball wants to be 1.
    MassMismatch = -34,
    /// A positive weight has no partner at finite cost and positive weight.
    NoPartner = -35,
    /// No mass lies in the ranges of both sides.
    MassRange = -36,
    /// Epsilon is not positive and finite, or too small or large for the cost in this precision.
    Epsilon = -40,
    /// Tau is not positive and finite.
    Tau = -41,
    /// A tolerance or target is not positive and finite.
    Tolerance = -42,
    /// A count of iterations is zero.
    Count = -43,
    /// No certificate exists for this pair of rules.
    NoCertificate = -44,
    /// No run at this epsilon can certify the target: see `certifiable_epsilon`.
    TargetOutOfReach = -45,
    /// The unit-mass problem takes KL rules on both sides only.
    UnitMassRule = -46,
    /// The radius of a ball is negative, infinite or NaN.
    Radius = -47,
    /// The entropy of a ball is negative, infinite or NaN.
    Entropy = -48,
    /// The potentials are no optimum: their residual is above the tolerance of a gradient.
    NotConverged = -49,
    /// Cotangents of potentials that are defined up to a constant have unequal sums.
    Gauge = -50,
    /// The linear system of a gradient is not positive definite in this precision.
    Singular = -51,
    /// The multiples of a box are not 0 <= lower <= upper, with lower finite and upper positive.
    Range = -52,
    /// A barycenter takes exact and KL rules only.
    BarycenterRule = -60,
    /// The target is below what this precision can certify.
    TargetPrecision = -70,
    /// The rank allowed does not bring the error of a low-rank kernel down to the wanted bound: a larger
    /// one may.
    RankTooSmall = -80,
    /// No rank keeps a low-rank kernel positive and within the wanted bound at this epsilon in this
    /// precision: common at small epsilon.
    KernelOutOfReach = -81,
    /// The kernel of a low-rank cost was factored at another epsilon.
    KernelEpsilon = -82,
}

/// Which argument was wrong. Numbers are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
#[non_exhaustive]
pub enum Argument {
    /// None in particular.
    None = 0,
    /// The problem as a whole.
    Problem = 1,
    /// The options as a whole.
    Options = 2,
    /// The report.
    Report = 3,
    /// The state of a sliced solve.
    State = 4,
    /// A matrix view.
    Matrix = 5,
    /// The cost matrix.
    Cost = 10,
    /// The points of the rows.
    RowPoints = 11,
    /// The points of the columns.
    ColPoints = 12,
    /// The weights of the rows, a.
    RowWeights = 13,
    /// The weights of the columns, b.
    ColWeights = 14,
    /// Epsilon.
    Epsilon = 15,
    /// The rule of the rows.
    RowRule = 16,
    /// The rule of the columns.
    ColRule = 17,
    /// The reference of the entropy.
    Reference = 18,
    /// The kind of problem's cost.
    CostKind = 19,
    /// The stopping rule.
    Stop = 20,
    /// The limit of iterations.
    MaxIterations = 21,
    /// The interval of the checks.
    CheckEvery = 22,
    /// The SIMD level.
    Level = 23,
    /// What iterations are made of.
    Sweep = 24,
    /// The potentials of the rows, f.
    RowPotentials = 30,
    /// The potentials of the columns, g.
    ColPotentials = 31,
    /// The work buffer.
    Work = 32,
    /// An output of the plan.
    Output = 33,
    /// An index of a row.
    Row = 34,
    /// An index of a column.
    Col = 35,
    /// The values that a barycentric map averages.
    Values = 36,
    /// The cotangent of a gradient.
    Cotangent = 40,
    /// The method of a gradient.
    Method = 41,
    /// The residual up to which a gradient takes potentials for an optimum.
    ForwardTolerance = 42,
    /// The gradient with respect to the cost.
    CostGradient = 43,
    /// The gradient with respect to a.
    RowWeightGradient = 44,
    /// The gradient with respect to b.
    ColWeightGradient = 45,
    /// The gradient with respect to the points of the rows.
    RowPointGradient = 46,
    /// The gradient with respect to the points of the columns.
    ColPointGradient = 47,
    /// The direction of a tangent.
    Tangent = 48,
    /// The gradients as a whole.
    Gradient = 49,
    /// The measures of a barycenter.
    Measures = 60,
    /// The share of a measure.
    Share = 61,
    /// The barycenter.
    Barycenter = 62,
    /// What a half step found out.
    Half = 68,
    /// Sums over measures, or what came of them.
    Combination = 69,
    /// The factors of a low-rank kernel.
    Factors = 80,
    /// The rank of a low-rank kernel.
    Rank = 81,
}

impl Argument {
    /// Every argument, in the order of the numbers.
    pub const ALL: [Self; 45] = [
        Self::None,
        Self::Problem,
        Self::Options,
        Self::Report,
        Self::State,
        Self::Matrix,
        Self::Cost,
        Self::RowPoints,
        Self::ColPoints,
        Self::RowWeights,
        Self::ColWeights,
        Self::Epsilon,
        Self::RowRule,
        Self::ColRule,
        Self::Reference,
        Self::CostKind,
        Self::Stop,
        Self::MaxIterations,
        Self::CheckEvery,
        Self::Level,
        Self::Sweep,
        Self::RowPotentials,
        Self::ColPotentials,
        Self::Work,
        Self::Output,
        Self::Row,
        Self::Col,
        Self::Values,
        Self::Cotangent,
        Self::Method,
        Self::ForwardTolerance,
        Self::CostGradient,
        Self::RowWeightGradient,
        Self::ColWeightGradient,
        Self::RowPointGradient,
        Self::ColPointGradient,
        Self::Tangent,
        Self::Gradient,
        Self::Measures,
        Self::Share,
        Self::Barycenter,
        Self::Half,
        Self::Combination,
        Self::Factors,
        Self::Rank,
    ];
}

/// A refusal: what was wrong, with which argument, and where. Nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    /// What was wrong.
    pub kind: ErrorKind,
    /// Which argument.
    pub argument: Argument,
    /// First bad row (or index of a vector), [`Error::NOWHERE`] if there is none.
    pub row: u64,
    /// First bad column, [`Error::NOWHERE`] if there is none.
    pub col: u64,
    /// Which measure of a barycenter, or problem of a batch; [`Error::NOWHERE`] if none in particular.
    pub measure: u64,
}

impl Error {
    /// No index applies.
    pub const NOWHERE: u64 = u64::MAX;

    pub(crate) const fn new(kind: ErrorKind, argument: Argument) -> Self {
        Self { kind, argument, row: Self::NOWHERE, col: Self::NOWHERE, measure: Self::NOWHERE }
    }

    pub(crate) const fn at(kind: ErrorKind, argument: Argument, index: usize) -> Self {
        Self { row: index as u64, ..Self::new(kind, argument) }
    }

    pub(crate) const fn at_entry(kind: ErrorKind, argument: Argument, i: usize, j: usize) -> Self {
        Self { row: i as u64, col: j as u64, ..Self::new(kind, argument) }
    }

    /// The same error, in a measure of a barycenter or a problem of a batch.
    pub(crate) const fn in_measure(self, i: usize) -> Self {
        Self { measure: i as u64, ..self }
    }
}

/// An error that blames no entry: two words are cheaper to hand on than the eight of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) kind: ErrorKind,
    pub(crate) argument: Argument,
}

impl Refusal {
    pub(crate) const fn new(kind: ErrorKind, argument: Argument) -> Self {
        Self { kind, argument }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.kind, refusal.argument)
    }
}

/// What is wrong with the entries of an argument, and with which first: two words, as a [`Refusal`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Blame {
    kind: ErrorKind,
    index: usize,
}

impl Blame {
    /// No entry in particular: more than there are.
    pub(crate) const ALL: usize = usize::MAX;

    pub(crate) const fn new(kind: ErrorKind, index: usize) -> Self {
        Self { kind, index }
    }

    /// The error of this argument.
    pub(crate) const fn of(self, argument: Argument) -> Error {
        if self.index == Self::ALL {
            Error::new(self.kind, argument)
        } else {
            Error::at(self.kind, argument, self.index)
        }
    }
}

impl ErrorKind {
    /// Every kind, in the order of the numbers.
    pub const ALL: [Self; 36] = [
        Self::Null,
        Self::StructSize,
        Self::Alignment,
        Self::Overlap,
        Self::NotBuilt,
        Self::Kind,
        Self::Empty,
        Self::Shape,
        Self::Stride,
        Self::TooLarge,
        Self::WorkTooSmall,
        Self::NotANumber,
        Self::Infinite,
        Self::Negative,
        Self::ZeroMass,
        Self::MassMismatch,
        Self::NoPartner,
        Self::MassRange,
        Self::Epsilon,
        Self::Tau,
        Self::Tolerance,
        Self::Count,
        Self::NoCertificate,
        Self::TargetOutOfReach,
        Self::UnitMassRule,
        Self::Radius,
        Self::Entropy,
        Self::NotConverged,
        Self::Gauge,
        Self::Singular,
        Self::Range,
        Self::BarycenterRule,
        Self::TargetPrecision,
        Self::RankTooSmall,
        Self::KernelOutOfReach,
        Self::KernelEpsilon,
    ];

    /// One line of plain text.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Null => "a pointer is NULL",
            Self::StructSize => "struct_size is unknown or an unknown field is not zero",
            Self::Alignment => "a pointer is not aligned to its element type",
            Self::Overlap => "an output or work range overlaps another argument",
            Self::NotBuilt => "this part was left out when the library was built",
            Self::Kind => "an enumeration holds a value that does not exist, or not for this call",
            Self::Empty => "a dimension is zero",
            Self::Shape => "lengths or shapes do not fit each other",
            Self::Stride => "strides let two entries of an output share an address",
            Self::TooLarge => "a dimension, an extent or a distance is too large",
            Self::WorkTooSmall => "the work buffer is too short",
            Self::NotANumber => "an entry is NaN",
            Self::Infinite => "an entry is infinite where that has no meaning",
            Self::Negative => "a weight is negative",
            Self::ZeroMass => "all weights of a side are zero",
            Self::MassMismatch => "the masses that the two sides prescribe differ",
            Self::NoPartner => "a positive weight has no partner at finite cost",
            Self::MassRange => "no mass lies in the ranges that the two sides allow",
            Self::Epsilon => "epsilon is not positive and finite, or out of range for the cost",
            Self::Tau => "tau is not positive and finite",
            Self::Tolerance => "a tolerance or target is not positive and finite",
            Self::Count => "a count of iterations is zero",
            Self::NoCertificate => "no certificate exists for this pair of marginal rules",
            Self::TargetOutOfReach => "no run at this epsilon can certify the target",
            Self::UnitMassRule => "the unit-mass problem takes KL rules on both sides",
            Self::Radius => "the radius of a ball is negative or not finite",
            Self::Entropy => "the entropy of a ball is negative or not finite",
            Self::NotConverged => "the potentials are no optimum within the gradient's tolerance",
            Self::Gauge => "cotangents of potentials up to a constant have unequal sums",
            Self::Singular => "the linear system is not positive definite in this precision",
            Self::Range => "a box is not 0 <= lower <= upper, lower finite, upper positive",
            Self::BarycenterRule => "a barycenter takes exact and KL rules only",
            Self::TargetPrecision => "the target is below what this precision can certify",
            Self::RankTooSmall => "the rank does not bring the kernel's error down to the bound",
            Self::KernelOutOfReach => "no rank keeps the kernel within the bound at this epsilon",
            Self::KernelEpsilon => "the low-rank kernel was factored at another epsilon",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?}: {}", self.argument, self.kind.text())?;
        if self.row != Self::NOWHERE {
            write!(out, " (row {}", self.row)?;
            if self.col != Self::NOWHERE {
                write!(out, ", column {}", self.col)?;
            }
            write!(out, ")")?;
        }
        if self.measure != Self::NOWHERE {
            write!(out, " of measure {}", self.measure)?;
        }
        Ok(())
    }
}

impl core::error::Error for Error {}
