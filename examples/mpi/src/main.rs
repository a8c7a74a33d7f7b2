//! Dropout on the ranks of an MPI job. The ranks share two layers, one batch-parallel and one tensor-parallel. In each
//! step each rank draws its own part of each layer's mask, and applies it forward and backward: no rank sends a mask to
//! another. Rank 0 then gathers the parts, for no other reason than to compare them, to the bit, with what it computes
//! over the whole layer by itself.
//!
//! ```text
//! cargo build
//! mpirun -n 3 target/debug/dropmask-mpi
//! ```
//!
//! A rank that has died is started again at its step. Alone, without MPI and without the steps before, it computes what
//! it would have computed:
//!
//! ```text
//! target/debug/dropmask-mpi --rank 1 --of 3 --from 2 --parts FOLDER
//! ```

mod shard;

use std::{error::Error, fs, path::PathBuf, process};

use clap::Parser;
use mpi::datatype::PartitionMut;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, Equivalence, Root};

use shard::{LEN, Layer, Parallel, Part, Shard};

/// Dropout on the ranks of an MPI job, compared with dropout in one process
#[derive(Parser)]
struct Arguments {
    /// Seed of the run
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// First step
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// End of the steps
    #[arg(long, default_value_t = 4)]
    to: u64,
    /// Writes each part that this process computes to a file in this folder
    #[arg(long)]
    parts: Option<PathBuf>,
    /// Aborts this process at that step, as an accident would
    #[arg(long, value_name = "STEP")]
    die: Option<u64>,
    /// Is this rank of a job, without MPI and the other ranks
    #[arg(long, requires = "of")]
    rank: Option<usize>,
    /// How many ranks that job has
    #[arg(long, requires = "rank", value_name = "RANKS")]
    of: Option<usize>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    if let Some((rank, ranks)) = arguments.rank.zip(arguments.of) {
        return run(&arguments, rank, ranks, |_, _, _| Ok(()));
    }

    let universe = mpi::initialize().ok_or("MPI is initialized already")?;
    let world = universe.world();
    let (rank, ranks) = (world.rank().try_into()?, world.size().try_into()?);
    let check = |step, parallel, part: &Part| check(&world, arguments.seed, step, parallel, part);
    if let Err(error) = run(&arguments, rank, ranks, check) {
        eprintln!("rank {rank} of {ranks}: {error}");
        world.abort(1); // the others would wait for this one
    }
    if rank == 0 {
        println!("ranks: {ranks}; masks, outputs and gradients are those of one process");
    }
    Ok(())
}

/// Takes the steps of one rank, and hands on each part.
fn run(
    arguments: &Arguments,
    rank: usize,
    ranks: usize,
    done: impl Fn(u64, Parallel, &Part) -> Result<(), Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    if rank >= ranks {
        return Err(format!("there is no rank {rank} of {ranks}").into());
    }
    let layer = |parallel| Layer::new(arguments.seed, parallel, Shard::new(parallel, rank, ranks), arguments.from);
    let mut layers = [layer(Parallel::Batch)?, layer(Parallel::Tensor)?];
    for step in arguments.from..arguments.to {
        if arguments.die == Some(step) {
            process::abort();
        }
        for layer in &mut layers {
            let part = layer.step()?;
            if let Some(folder) = &arguments.parts {
                let file = format!("rank-{rank}-step-{step}-{:?}", layer.parallel);
                fs::write(folder.join(file), part.to_le_bytes())?;
            }
            done(step, layer.parallel, &part)?;
        }
    }
    Ok(())
}

/// On rank 0, whether the parts of all ranks are together what one process computes.
fn check(
    world: &SimpleCommunicator,
    seed: u64,
    step: u64,
    parallel: Parallel,
    part: &Part,
) -> Result<(), Box<dyn Error>> {
    let kept = gather(world, parallel, &part.kept)?;
    let y = gather(world, parallel, &part.y)?;
    let dx = gather(world, parallel, &part.dx)?;
    if let (Some(kept), Some(y), Some(dx)) = (kept, y, dx)
        && (Part { kept, y, dx }).to_le_bytes() != shard::whole(seed, parallel, step)?.to_le_bytes()
    {
        return Err(format!("step {step}, {parallel:?}: not what one process computes").into());
    }
    Ok(())
}

/// The whole tensor, on rank 0.
fn gather<T: Equivalence + Copy + Default>(
    world: &SimpleCommunicator,
    parallel: Parallel,
    part: &[T],
) -> Result<Option<Vec<T>>, Box<dyn Error>> {
    let root = world.process_at_rank(0);
    if world.rank() != 0 {
        root.gather_varcount_into(part);
        return Ok(None);
    }
    let ranks = world.size().try_into()?;
    let shards: Vec<_> = (0..ranks).map(|rank| Shard::new(parallel, rank, ranks)).collect();
    let counts = shards.iter().map(|shard| shard.len().try_into()).collect::<Result<Vec<_>, _>>()?;
    let starts: Vec<_> = (0..ranks).map(|rank| counts[..rank].iter().sum()).collect();
    let mut parts = vec![T::default(); LEN];
    root.gather_varcount_into_root(part, &mut PartitionMut::new(&mut parts[..], counts, starts));

    let mut whole = vec![T::default(); LEN];
    for (index, value) in shards.iter().flat_map(Shard::indices).zip(parts) {
        whole[index] = value;
    }
    Ok(Some(whole))
}
