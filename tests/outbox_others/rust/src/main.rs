//! The examples of docs/outbox.md for diesel and sea-orm, which `../run` puts in here as they stand there: each makes an
//! order and its message; then each breaks off, and neither is there.

use std::error::Error;

mod by_diesel {
    use diesel::prelude::*;
    use diesel::sql_types::Text;

    diesel::table! {
        orders (id) {
            id -> BigInt,
        }
    }

    fn ship(connection: &mut PgConnection) -> QueryResult<()> {
        //= diesel
        Ok(())
    }

    pub fn run(url: &str) -> Result<(), Box<dyn std::error::Error>> {
        let mut connection = PgConnection::establish(url)?;
        ship(&mut connection)?;
        // The order is there already: the transaction fails as a whole, and the connection can be used further.
        ship(&mut connection).unwrap_err();
        diesel::sql_query("UPDATE kwtsms_outbox SET key = 'by diesel'").execute(&mut connection)?;
        diesel::delete(orders::table).execute(&mut connection)?;
        Ok(())
    }
}

mod by_sea_orm {
    use sea_orm::entity::prelude::*;
    use sea_orm::{Database, DbBackend, Set, Statement, TransactionTrait};

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "orders")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    async fn ship(db: &DatabaseConnection, order: ActiveModel) -> Result<(), DbErr> {
        //= sea-orm
        Ok(())
    }

    pub async fn run(url: &str) -> Result<(), DbErr> {
        let db = Database::connect(url).await?;
        ship(&db, ActiveModel { id: Set(4711) }).await?;
        ship(&db, ActiveModel { id: Set(4711) }).await.unwrap_err();
        db.execute_unprepared("UPDATE kwtsms_outbox SET key = 'by sea-orm' WHERE key <> 'by diesel'").await?;
        Ok(())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::var("DATABASE_URL")?;
    by_diesel::run(&url)?;
    by_sea_orm::run(&url).await?;
    Ok(())
}
