// One of the generated modules: ten functions as applications have them. The attribute on them stands for what is
// measured: with `(id)`, for the same that also tells the id of what is worked on.
use crate::*;

#[attribute(id)]
pub async fn approve(
    State(store): State<Store>,
    Path(id): Path<u64>,
    Json(change): Json<Change>,
) -> Result<Json<Invoice>, AppError> {
    let mut invoice = store.load(id).await?;
    if change.amount < invoice.amount {
        return Err(AppError::Refused("the amount is too small".to_owned()));
    }
    invoice.amount = change.amount;
    store.save(&invoice).await?;
    store.notify(&invoice.owner).await;
    Ok(Json(invoice))
}

#[attribute]
pub async fn list(
    State(store): State<Store>,
    Query(filter): Query<Filter>,
) -> Result<Json<Vec<Invoice>>, AppError> {
    let mut found = Vec::new();
    for id in filter.from..filter.to {
        let invoice = store.load(id).await?;
        if filter.owner.as_ref().is_none_or(|owner| *owner == invoice.owner) {
            found.push(invoice);
        }
    }
    Ok(Json(found))
}

#[attribute(id)]
pub async fn delete(State(store): State<Store>, Path(id): Path<u64>) -> Result<Status, AppError> {
    store.load(id).await?;
    store.remove(id).await?;
    Ok(Status(204))
}

pub struct Payments {
    store: Store,
    limit: u64,
}

impl Payments {
    #[attribute(id)]
    pub async fn pay(&self, id: u64, amount: u64) -> Result<Invoice, AppError> {
        let mut invoice = self.store.load(id).await?;
        match invoice.amount.checked_sub(amount) {
            Some(rest) if amount <= self.limit => invoice.amount = rest,
            Some(_) => return Err(AppError::Refused(format!("{amount} is over the limit"))),
            None => return Err(AppError::Refused("paid too much".to_owned())),
        }
        self.store.save(&invoice).await?;
        Ok(invoice)
    }
}

#[attribute(id)]
pub async fn annotate<D: Database>(database: &D, id: u64, note: &str) -> Result<Invoice, AppError> {
    let mut invoice = database.read(id).await?;
    invoice.notes.push(note.trim().to_owned());
    database.write(&invoice).await?;
    Ok(invoice)
}

#[attribute]
pub async fn remind(store: &Store) -> Result<usize, AppError> {
    let mut sent = 0;
    for id in store.overdue().await? {
        let invoice = store.load(id).await?;
        store.notify(&invoice.owner).await;
        sent += 1;
    }
    Ok(sent)
}

#[attribute]
pub async fn newest(store: &Store, owner: &str) -> Option<Invoice> {
    let ids = store.overdue().await.ok()?;
    let invoice = store.load(*ids.last()?).await.ok()?;
    (invoice.owner == owner).then_some(invoice)
}

#[attribute]
pub async fn create<N: Into<String> + Send>(store: &Store, owner: N) -> Result<Invoice, AppError> {
    let invoice = Invoice { owner: owner.into(), ..Invoice::default() };
    store.save(&invoice).await?;
    Ok(invoice)
}

#[attribute(id)]
pub async fn transfer(
    State(store): State<Store>,
    Path(id): Path<String>,
    Json(change): Json<Change>,
) -> Result<Status, AppError> {
    let number = id.parse().map_err(|_| AppError::Missing)?;
    let (mut from, mut to) = (store.load(number).await?, store.load(change.other).await?);
    from.amount = from.amount.checked_sub(change.amount).ok_or(AppError::Missing)?;
    to.amount += change.amount;
    store.save(&from).await?;
    store.save(&to).await?;
    Ok(Status(200))
}

#[attribute]
pub async fn export(store: Store, to: u64) -> Result<String, Box<dyn Error + Send + Sync>> {
    let mut text = String::new();
    for id in 0..to {
        let invoice = store.load(id).await?;
        writeln!(text, "{};{};{}", id, invoice.owner, invoice.amount)?;
    }
    Ok(text)
}

/// Boxed, as a router or a runtime has them.
pub fn all(store: &'static Store) -> Vec<Boxed> {
    let change = || Json(Change { amount: 1, other: 2 });
    let payments: &'static Payments = Box::leak(Box::new(Payments { store: store.clone(), limit: 9 }));
    vec![
        boxed(approve(State(store.clone()), Path(1), change())),
        boxed(list(State(store.clone()), Query(Filter { from: 0, to: 9, owner: None }))),
        boxed(delete(State(store.clone()), Path(1))),
        boxed(payments.pay(1, 2)),
        boxed(annotate(store, 1, "paid")),
        boxed(remind(store)),
        boxed(newest(store, "someone")),
        boxed(create(store, "someone")),
        boxed(transfer(State(store.clone()), Path(String::new()), change())),
        boxed(export(store.clone(), 9)),
    ]
}
